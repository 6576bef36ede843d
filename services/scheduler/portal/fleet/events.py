"""The events: those that are not over as cards, past ones in pages, and what came of them type by type."""

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from aiohttp import web

from services.scheduler.api.event_filter import EventFilter
from services.scheduler.api.event_statistics import statistics
from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.fleet import EventDocument, EventStatisticsDocument, SpanDocument
from services.scheduler.api.sight import sight_of
from services.scheduler.portal.asking import SPANS, Taken, choice_of, since_of, taken, text_of
from services.scheduler.portal.fleet.progress import Step, steps
from services.scheduler.portal.frame import Content, Section
from services.scheduler.portal.lengths import length_words
from services.scheduler.portal.paging import ROWS, Pager, pager, read_number, skipped
from services.scheduler.store.records import EventOutcome, EventRecord
from shared.topics import host_key

LOOKED_AT = 2_000
"""Events, the latest, that lists and statistics of the page look at; `leeward event stats` looks at more."""
ACTIVE_SHOWN = 20


class Source(StrEnum):
    """Who caused an event."""

    PLATFORM = "Platform"
    USER = "User"


class Narrowed(msgspec.Struct, frozen=True, kw_only=True):
    """What the list of past events is narrowed to; texts are empty where nothing was asked for."""

    type: str = ""
    outcome: EventOutcome | None = None
    source: Source | None = None
    host: str = ""
    since: str = ""

    def admits(self, event: EventRecord) -> bool:
        """Whether an event is asked for, but for its type and time."""
        if self.outcome not in (None, event.outcome) or self.source not in (None, event.source):
            return False
        return not self.host or host_key(self.host) in {*event.hosts, *map(host_key, event.resources)}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the events of one type, in words; a measure that none has is empty."""

    type: str
    count: int
    outcomes: tuple[tuple[EventOutcome, int], ...]
    notice: str
    drain: str
    approval_to_start: str
    duration: str


class ActiveCard(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is not over, and how far it is."""

    event: EventDocument
    steps: tuple[Step, ...]


class EventsView(msgspec.Struct, frozen=True, kw_only=True):
    """The page at one moment; `hidden` counts active events without a card, `is_cut`: older ones were not looked at."""

    narrowed: Narrowed
    taken: tuple[Taken, ...]
    types: tuple[str, ...]
    outcomes: tuple[EventOutcome, ...]
    sources: tuple[Source, ...]
    spans: dict[str, str]
    active: tuple[ActiveCard, ...]
    hidden: int
    past: tuple[EventDocument, ...]
    pager: Pager
    measured: tuple[Measured, ...]
    is_cut: bool


class EventsPage:
    """The events."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def show(self, request: web.Request) -> Content:
        """Return the page. Raises InvalidInputError for what an address cannot ask for, StoreUnavailableError."""
        narrowed, wanted, number = *_narrowed(request, self._services.clock.now()), read_number(request)
        events = await self._services.store.list_events(active=False, limit=LOOKED_AT)
        asked = [event for event in events if wanted.admits(event) and narrowed.admits(event)]
        past = [event for event in asked if event.outcome is not EventOutcome.ACTIVE]
        live = [event for event in events if event.outcome is EventOutcome.ACTIVE]
        shown, sight = past[skipped(number) : skipped(number) + ROWS], sight_of(request, self._services.store)
        cards = [sight.event(event) for event in live[:ACTIVE_SHOWN]]
        view = EventsView(
            narrowed=narrowed,
            taken=tuple(taken(request, _said(narrowed))),
            types=tuple(sorted({event.type for event in events})),
            outcomes=tuple(outcome for outcome in EventOutcome if outcome is not EventOutcome.ACTIVE),
            sources=tuple(Source),
            spans=SPANS,
            active=tuple(ActiveCard(event=card, steps=steps(card)) for card in cards),
            hidden=len(live) - len(cards),
            past=tuple(map(sight.event, shown)),
            pager=pager(request, len(shown), len(past)),
            measured=tuple(map(measured, await asyncio.to_thread(statistics, asked))),
            is_cut=len(events) == LOOKED_AT,
        )
        return Content(title="Events", section=Section.EVENTS, template="events.html", view=view)


def measured(found: EventStatisticsDocument) -> Measured:
    """Return statistics in words."""
    return Measured(
        type=found.type,
        count=found.count,
        outcomes=tuple((outcome, number) for outcome, number in found.outcomes.items() if number),
        notice=_span(found.notice),
        drain=_span(found.drain),
        approval_to_start=_span(found.approval_to_start),
        duration=_span(found.duration),
    )


def _span(span: SpanDocument | None) -> str:
    if span is None:
        return ""
    return " / ".join(length_words(timedelta(seconds=each)) for each in (span.median_seconds, span.p90_seconds))


def _narrowed(request: web.Request, now: datetime) -> tuple[Narrowed, EventFilter]:
    since, begin = since_of(request, now)
    kind = text_of(request, "type")
    narrowed = Narrowed(
        type=kind,
        outcome=choice_of(request, "outcome", EventOutcome),
        source=choice_of(request, "source", Source),
        host=text_of(request, "host"),
        since=since,
    )
    return narrowed, EventFilter(type=kind or None, since=begin)


def _said(narrowed: Narrowed) -> dict[str, str]:
    return {
        "type": narrowed.type,
        "outcome": narrowed.outcome.value if narrowed.outcome else "",
        "source": f"from {narrowed.source}" if narrowed.source else "",
        "host": f"host {narrowed.host}" if narrowed.host else "",
        "since": SPANS.get(narrowed.since, ""),
    }
