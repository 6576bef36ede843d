"""Which jobs a list shows: read from its address, said in words, and taken off one by one."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TypeVar

import msgspec
from aiohttp import web

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import JobState
from services.scheduler.errors import InvalidInputError
from services.scheduler.portal.paging import query_of
from services.scheduler.store.search import JobQuery, JobSort, Ran

E = TypeVar("E", bound=StrEnum)
RAN_WORDS = {
    Ran.SUCCEEDED: "Last run succeeded",
    Ran.FAILED: "Last run failed",
    Ran.HELD: "Held now",
    Ran.NEVER: "Has not run yet",
}
MOST_WORDS = 10
MOST_TAGS = 10
MOST_CHARACTERS = 300
_DOWNWARDS = "-"
"""Before what a list is sorted by: the largest first."""
_LARGEST_FIRST = frozenset({JobSort.LAST_RUN, JobSort.FAULTED})
"""What is looked at from its end first."""
_HEADS = {
    JobSort.NAME: "Job",
    JobSort.LAST_RUN: "Last run",
    JobSort.NEXT_DUE: "Next run",
    JobSort.FAULTED: "Failures",
}
_PASSING = ("page", "notice")
"""Fields that belong to one look at the list."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is narrowed to, and its order; texts are empty where nothing was asked for."""

    q: str = ""
    state: JobState | None = None
    ran: Ran | None = None
    pool: str = ""
    collection: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    sort: JobSort = JobSort.NAME
    descending: bool = False

    @property
    def order(self) -> str:
        """The order as addresses have it, empty for the usual one."""
        if self.sort is JobSort.NAME and not self.descending:
            return ""
        return f"{_DOWNWARDS if self.descending else ''}{self.sort}"

    @property
    def is_narrowed(self) -> bool:
        """Whether not all jobs are asked for."""
        return bool(self.q or self.state or self.ran or self.pool or self.collection or self.tags)

    def query(self, subscription: str, within: Sequence[CollectionId] | None) -> JobQuery:
        """Return what to ask the store, among the collections `within`; None: all of the subscription."""
        return JobQuery(
            within=within,
            subscription=subscription,
            words=tuple(self.q.split()),
            state=self.state,
            pool=self.pool or None,
            tags=dict(self.tags),
            ran=self.ran,
            sort=self.sort,
            descending=self.descending,
        )


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """A filter in effect, and the query of the list without it."""

    words: str
    without: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """A column's head that sorts the list: the query that does, and `aria-sort` where it is sorted by it."""

    words: str
    query: str
    order: str | None


def read_filters(request: web.Request) -> Filters:
    """Return what an address asks for. Raises InvalidInputError, which says what to write."""
    query = request.query
    words, order = _text(request, "q"), query.get("sort", "")
    if len(words.split()) > MOST_WORDS:
        raise InvalidInputError("q", f"has more than {MOST_WORDS} words; write fewer")
    return Filters(
        q=words,
        state=_choice("state", query.get("state", ""), JobState),
        ran=_choice("ran", query.get("ran", ""), Ran),
        pool=_text(request, "pool"),
        collection=_text(request, "collection"),
        tags=_tags(query.getall("tag", [])),
        sort=_choice("sort", order.removeprefix(_DOWNWARDS), JobSort) or JobSort.NAME,
        descending=order.startswith(_DOWNWARDS),
    )


def chips(request: web.Request, filters: Filters) -> Iterator[Chip]:
    """Yield the filters in effect, each with the way to the list without it."""
    said = {
        "q": f"“{filters.q}”" if filters.q else "",
        "state": filters.state.value if filters.state else "",
        "ran": RAN_WORDS[filters.ran].lower() if filters.ran else "",
        "pool": f"pool {filters.pool}" if filters.pool else "",
        "collection": f"collection {filters.collection}" if filters.collection else "",
    }
    for name, words in said.items():
        if words:
            yield Chip(words=words, without=_changed(request, {name: ""}))
    for tag in filters.tags:
        written = "=".join(tag)
        kept = [(name, text) for name, text in _kept(request) if (name, text) != ("tag", written)]
        yield Chip(words=f"tag {written}", without=query_of(request, kept))


def heads(request: web.Request, filters: Filters) -> dict[str, Head]:
    """Return the heads that sort, by what they sort by."""
    return {sort.value: _head(request, filters, sort, words) for sort, words in _HEADS.items()}


def _head(request: web.Request, filters: Filters, sort: JobSort, words: str) -> Head:
    is_sorted = filters.sort is sort
    descending = not filters.descending if is_sorted else sort in _LARGEST_FIRST
    order = Filters(sort=sort, descending=descending).order
    present = ("descending" if filters.descending else "ascending") if is_sorted else None
    return Head(words=words, query=_changed(request, {"sort": order}), order=present)


def _changed(request: web.Request, changes: dict[str, str]) -> str:
    kept = [(name, text) for name, text in _kept(request) if name not in changes]
    return query_of(request, [*kept, *((name, text) for name, text in changes.items() if text)])


def _kept(request: web.Request) -> list[tuple[str, str]]:
    return [(name, text) for name, text in request.query.items() if text and name not in _PASSING]


def _text(request: web.Request, name: str) -> str:
    text = request.query.get(name, "").strip()
    if len(text) > MOST_CHARACTERS:
        raise InvalidInputError(name, f"has more than {MOST_CHARACTERS} characters; write fewer")
    return text


def _choice(name: str, text: str, kind: type[E]) -> E | None:
    if not text:
        return None
    found = next((one for one in kind if one.value.lower() == text.lower()), None)
    if found is None:
        raise InvalidInputError(name, f"{text[:40]!r} is none of {', '.join(kind)}")
    return found


def _tags(written: Sequence[str]) -> tuple[tuple[str, str], ...]:
    pairs = [text.partition("=") for text in written if text]
    if len(pairs) > MOST_TAGS:
        raise InvalidInputError("tag", f"{len(pairs)} tags are too many; at most {MOST_TAGS} are compared")
    if any(not name or not mark or len(name + value) > 2 * MOST_CHARACTERS for name, mark, value in pairs):
        raise InvalidInputError("tag", "write name=value")
    return tuple(dict.fromkeys((name, value) for name, _, value in pairs))
