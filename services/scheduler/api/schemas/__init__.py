"""The documents callers send and get, and how they become the domain's values and back."""
