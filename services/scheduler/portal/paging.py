"""Pages of a list, and links that change one thing about the list shown."""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from services.scheduler.errors import InvalidInputError

ROWS = 50
"""Rows of one page."""
COUNTED = 10_000
"""Further nobody counts: a page that anybody reloads must not count a million."""
_MOST_DIGITS = 8


class Pager(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page of a list stands: `first` and `last` number its rows from 1, both 0 when there are none.

    `total` is how many rows there are in all, `COUNTED` meaning that or more; `earlier` and `later` are the queries of
    the neighbouring pages, None where there is none.
    """

    first: int
    last: int
    total: int
    earlier: str | None
    later: str | None

    @property
    def is_uncounted(self) -> bool:
        """Whether there may be more than `total`."""
        return self.total >= COUNTED


def read_number(request: web.Request) -> int:
    """Return the page asked for, from 1. Raises InvalidInputError."""
    text = request.query.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS and int(text) > 0):
        raise InvalidInputError("page", f"{text[:20]!r} is no page; write a number from 1 on")
    return int(text)


def skipped(number: int) -> int:
    """Return how many rows come before a page."""
    return (number - 1) * ROWS


def pager(request: web.Request, rows: int, total: int) -> Pager:
    """Return where the page asked for stands, that has so many `rows` of a list of `total`."""
    number = read_number(request)
    before = skipped(number)
    has_later = before + rows < total or (rows == ROWS and total >= COUNTED)
    return Pager(
        first=before + 1 if rows else 0,
        last=before + rows if rows else 0,
        total=total,
        earlier=query_with(request, page=str(number - 1)) if number > 1 else None,
        later=query_with(request, page=str(number + 1)) if has_later else None,
    )


def query_with(request: web.Request, **changes: str) -> str:
    """Return the query of the page shown with some fields changed; a field that is empty is left out."""
    kept = [(name, value) for name, value in request.query.items() if name not in (*changes, "notice")]
    return query_of(request, [(name, value) for name, value in (*kept, *changes.items()) if value])


def query_of(request: web.Request, fields: Sequence[tuple[str, str]]) -> str:
    """Return fields as a query, with its question mark; one that is there several times stays so."""
    return str(request.rel_url.with_path("/").with_query(list(fields))).removeprefix("/") or "?"
