"""Secrets of jobs at rest: keys, sealing, references, certificates."""
