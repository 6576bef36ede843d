"""The scheduler's API for programs in Python: `client.Client` is where to begin (docs/howto/python-client.md)."""
