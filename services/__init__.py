"""Leeward's programs: the scheduler, the VM watcher, the client, and the pair on one machine."""
