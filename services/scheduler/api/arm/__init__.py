"""Azure's way in: the paths, envelopes, errors and headers of Microsoft.Scheduler (reference azure-scheduler §1)."""
