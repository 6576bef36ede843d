"""Places in a JSON document by their paths, such as `action.request.uri`: looked at, filled, emptied."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
"""A document as JSON has it."""


def look(document: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path; None where nothing does."""
    found: Any = document
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def put(document: Json, path: str, value: object) -> None:
    """Set what stands at a path; what is missing on the way is made."""
    *parents, last = path.split(".")
    for name in parents:
        below = document.get(name)
        if not isinstance(below, dict):
            below = document[name] = {}
        document = below
    document[last] = value


def drop(document: Json, path: str) -> None:
    """Remove what stands at a path, and what is empty without it."""
    name, _, rest = path.partition(".")
    if not rest:
        document.pop(name, None)
    elif isinstance(below := document.get(name), dict) and below:
        drop(below, rest)
        if not below:
            del document[name]


def lies_at(path: str, place: str) -> bool:
    """Whether a path is that of a place, or leads to something within it."""
    return path == place or path.startswith((f"{place}.", f"{place}["))
