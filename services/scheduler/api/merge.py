"""JSON merge patch (RFC 7386): objects merge deeply, null removes, everything else replaces."""

from collections.abc import Mapping
from typing import Any


def merge(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return `target` changed by `patch`; neither is touched."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            present = merged.get(name)
            merged[name] = merge(present if isinstance(present, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged
