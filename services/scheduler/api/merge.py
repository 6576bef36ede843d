"""JSON merge patch (RFC 7386): objects merge deeply, null removes, everything else replaces."""

from collections.abc import Mapping
from typing import Any

from services.scheduler.errors import InvalidInputError

DEEPEST = 32


def merge(target: Mapping[str, Any], patch: Mapping[str, Any], *, levels: int = DEEPEST) -> dict[str, Any]:
    """Return `target` changed by `patch`; neither is touched. Raises InvalidInputError for more than so many levels."""
    if not levels:
        raise InvalidInputError("", f"has more than {DEEPEST} levels; no document has")
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            present = merged.get(name)
            merged[name] = merge(present if isinstance(present, Mapping) else {}, value, levels=levels - 1)
        else:
            merged[name] = value
    return merged
