"""Addresses below the scheduler's."""

from urllib.parse import quote


def path(*parts: str) -> str:
    """Return a path below `/api/v1`, every part percent-encoded."""
    return "/api/v1/" + "/".join(quote(part, safe=":") for part in parts)
