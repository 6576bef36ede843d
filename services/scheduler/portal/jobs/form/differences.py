"""What two documents say otherwise, place by place, as somebody reads it who has to decide between them."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

_ABSENT = "–"
_MOST_CHARACTERS = 200


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One place: how the form found it, how it is stored now, how the form would have it."""

    path: str
    before: str
    now: str
    meant: str


def differences(before: Mapping[str, Any], now: Mapping[str, Any], meant: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return the places at which what is stored and what is meant are not the same."""
    texts = [dict(_leaves(document, "")) for document in (before, now, meant)]
    paths = sorted(texts[1].keys() | texts[2].keys())
    return tuple(
        Difference(path=path, **dict(zip(("before", "now", "meant"), (_of(one, path) for one in texts), strict=True)))
        for path in paths
        if texts[1].get(path) != texts[2].get(path)
    )


def _of(texts: Mapping[str, str], path: str) -> str:
    text = texts.get(path, _ABSENT)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    elif path:
        yield path, value if isinstance(value, str) else msgspec.json.encode(value).decode()
