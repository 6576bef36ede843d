"""What an address asks a list for: texts, choices, instants."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import msgspec
from aiohttp import web

from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.paging import query_with

E = TypeVar("E", bound=StrEnum)

MOST_CHARACTERS = 300
SPANS = {"1h": "the last hour", "1d": "the last day", "7d": "the last 7 days", "30d": "the last 30 days"}
"""How far back lists go, and how the choice is said."""
_LENGTHS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A filter in effect in words, and the query of the list without it."""

    words: str
    without: str


def text_of(request: web.Request, name: str) -> str:
    """Return what is asked for, empty for nothing. Raises InvalidInputError for what is too long."""
    text = request.query.get(name, "").strip()
    if len(text) > MOST_CHARACTERS:
        raise InvalidInputError(name, f"has more than {MOST_CHARACTERS} characters; write fewer")
    return text


def choice_of(request: web.Request, name: str, kind: type[E]) -> E | None:
    """Return the member that is asked for, None for any. Raises InvalidInputError."""
    text = request.query.get(name, "")
    if not text:
        return None
    found = next((one for one in kind if one.value.lower() == text.lower()), None)
    if found is None:
        raise InvalidInputError(name, f"{text[:40]!r} is none of {', '.join(kind)}")
    return found


def since_of(request: web.Request, now: datetime) -> tuple[str, datetime | None]:
    """Return how far back a list goes, as it is asked for and as an instant. Raises InvalidInputError."""
    text = request.query.get("since", "")
    if text and text not in _LENGTHS:
        raise InvalidInputError("since", f"{text[:20]!r} is none of {', '.join(SPANS)}")
    return text, now - _LENGTHS[text] if text else None


def taken(request: web.Request, said: Mapping[str, str]) -> Iterator[Taken]:
    """Yield the filters in effect, of which `said` has the words by field, each with the way to the list without it."""
    for name, words in said.items():
        if words:
            yield Taken(words=words, without=query_with(request, **{name: "", "page": ""}))
