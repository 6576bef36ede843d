"""The store in memory: the same promises in plain dictionaries, for tests and for trying things out."""
