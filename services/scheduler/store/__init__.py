"""The truth: collections, jobs, occurrences, history, events, behind one port (`base`)."""
