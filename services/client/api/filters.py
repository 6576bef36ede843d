"""Conditions of `$filter`, with their values quoted."""

from collections.abc import Iterator
from datetime import datetime


def equal(name: str, value: str | None) -> Iterator[str]:
    """Yield the condition that a field has a value; nothing for None."""
    if value is not None:
        yield f"{name} eq '{value.replace(chr(39), chr(39) * 2)}'"


def between(name: str, since: datetime | None, until: datetime | None) -> Iterator[str]:
    """Yield the conditions that an instant is `since` or later, and before `until`."""
    for relation, instant in (("ge", since), ("lt", until)):
        if instant is not None:
            yield f"{name} {relation} '{instant.isoformat()}'"


def query_of(*conditions: str) -> dict[str, str]:
    """Return the query that asks for all conditions at once."""
    return {"$filter": " and ".join(conditions)} if conditions else {}
