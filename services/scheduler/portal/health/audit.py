"""Who changed what: the audit log in pages, as far as its viewer may see it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from aiohttp import web
from msgspec.structs import replace

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.audit import AuditDocument
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.acts import Act
from services.scheduler.portal.asking import SPANS, Taken, choice_of, since_of, taken, text_of
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.paging import ROWS, query_with, read_number, skipped
from services.scheduler.store.audit import AuditFilter

CHANGES_SHOWN = 20
_LONGEST = 200
_NAMES = ("caller", "collection", "job", "host")


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One field that a change has altered, added (`before` None) or taken away (`after` None)."""

    field: str
    before: str | None
    after: str | None


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change, and what of its subject is other than before; `more` fields are not shown."""

    entry: AuditDocument
    changed: tuple[Changed, ...]
    more: int


class AuditView(msgspec.Struct, frozen=True, kw_only=True):
    """The page at one moment; `first` numbers its first row from 1, `earlier` and `later` are queries."""

    asked: Mapping[str, str]
    act: Act | None
    since: str
    taken: tuple[Taken, ...]
    acts: tuple[Act, ...]
    spans: dict[str, str]
    rows: tuple[EntryRow, ...]
    first: int
    earlier: str | None
    later: str | None


class AuditPage:
    """The audit log."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page. Raises InvalidInputError for what an address cannot ask for, StoreUnavailableError."""
        number, sight = read_number(request), sight_of(request, self._services.store)
        since, begin = since_of(request, self._services.clock.now())
        act, asked = choice_of(request, "action", Act), {name: text_of(request, name) for name in _NAMES}
        named = {name: text or None for name, text in asked.items()}
        wanted = replace(AuditFilter(act=act, since=begin), **named)
        found = await sight.audit(wanted, top=ROWS + 1, skip=skipped(number))
        said = {name: f"{name} {text}" if text else "" for name, text in asked.items()}
        view = AuditView(
            asked=asked,
            act=act,
            since=since,
            taken=tuple(taken(request, {**said, "action": act.value if act else "", "since": SPANS.get(since, "")})),
            acts=tuple(Act),
            spans=SPANS,
            rows=tuple(map(_row, found[:ROWS])),
            first=skipped(number) + 1,
            earlier=query_with(request, page=str(number - 1)) if number > 1 else None,
            later=query_with(request, page=str(number + 1)) if len(found) > ROWS else None,
        )
        return Content(title="Audit log", section=Section.HEALTH, template="audit.html", view=view)


def changed(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Changed]:
    """Return the fields that differ, by their paths; nothing for what is wholly new or gone."""
    if before is None or after is None:
        return []
    old, new = dict(_leaves("", before)), dict(_leaves("", after))
    paths = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
    return [Changed(field=path, before=old.get(path), after=new.get(path)) for path in paths]


def _leaves(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the plain values below a value, each with its path and as JSON."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), below)
        return
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    yield path, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _row(entry: AuditDocument) -> EntryRow:
    found = changed(entry.before, entry.after)
    return EntryRow(entry=entry, changed=tuple(found[:CHANGES_SHOWN]), more=max(len(found) - CHANGES_SHOWN, 0))
