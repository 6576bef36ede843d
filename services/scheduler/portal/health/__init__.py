"""How the scheduler itself is, and who changed what."""
