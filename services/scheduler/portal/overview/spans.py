"""How events look on the weather's rows: bars for notice and interruption, a mark for NotBefore, points. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from services.scheduler.domain.hosts import STARTED
from services.scheduler.domain.rehearsals import is_rehearsal
from services.scheduler.portal.overview.signs import Sign, Tick, clock_words
from services.scheduler.portal.overview.window import Window
from services.scheduler.store.records import ApprovalState, EventOutcome, EventRecord
from shared.topics import HostKey

BAND_TOP = 2.0
BAND_HEIGHT = 10.0
"""Where on a row events are drawn; below it is room for occurrences."""
LANES = 3
"""Events drawn side by side on one row; further ones share the last lane."""
_APPROVED = (ApprovalState.APPROVED, ApprovalState.FOREIGN)


class Part(StrEnum):
    """What a bar stands for.

    NOTICE: the event is announced. INTERRUPTION: it was under way. EXPECTED: it will be, by what was announced. OPEN:
    nobody knows for how long. CANCELLED: the notice of one that never came.
    """

    NOTICE = "notice"
    INTERRUPTION = "interruption"
    EXPECTED = "expected"
    OPEN = "open"
    CANCELLED = "cancelled"


class Span(msgspec.Struct, frozen=True):
    """One part of an event; `end` None: not known."""

    part: Part
    start: datetime
    end: datetime | None


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an event on a row: `x` and `width` in percent, `y` and `height` in the row's units."""

    part: Part
    event_id: str
    x: float
    width: float
    y: float
    height: float
    title: str
    is_rehearsal: bool = False


def spans(event: EventRecord, now: datetime) -> tuple[Span, ...]:
    """Return the parts of an event in their order."""
    seen, ended = event.first_seen_at, event.ended_at or now
    match event.outcome:
        case EventOutcome.ACTIVE:
            return tuple(_under_way(event, now) if event.status == STARTED else _announced(event, now))
        case EventOutcome.CANCELLED:
            return (Span(Part.CANCELLED, seen, ended),)
        case EventOutcome.EXPIRED:
            return (Span(Part.NOTICE, seen, min(event.not_before or ended, ended)),)
        case _:
            start = min(event.started_at or event.not_before or ended, ended)
            return (Span(Part.NOTICE, seen, start), Span(Part.INTERRUPTION, start, ended))


def _announced(event: EventRecord, now: datetime) -> Iterator[Span]:
    """Yield the parts of an event that has not started: when it may, it may also start later."""
    start = max(event.not_before, now) if event.not_before is not None else now
    yield Span(Part.NOTICE, event.first_seen_at, start)
    if event.not_before is None or event.duration_seconds is None:
        yield Span(Part.OPEN, start, None)
    else:
        yield Span(Part.EXPECTED, start, start + timedelta(seconds=event.duration_seconds))


def _under_way(event: EventRecord, now: datetime) -> Iterator[Span]:
    start = event.started_at or event.first_seen_at
    if start > event.first_seen_at:
        yield Span(Part.NOTICE, event.first_seen_at, start)
    yield Span(Part.INTERRUPTION, start, now)
    end = start + timedelta(seconds=event.duration_seconds) if event.duration_seconds is not None else None
    if end is not None and end > now:
        yield Span(Part.EXPECTED, now, end)
    else:
        yield Span(Part.OPEN, now, None)


def is_seen(event: EventRecord, window: Window) -> bool:
    """Whether any part of an event lies in a window."""
    return any(_overlaps(span, window) for span in spans(event, window.now))


def _overlaps(span: Span, window: Window) -> bool:
    return span.start <= window.end and (span.end is None or span.end >= window.start)


def bars(events: Iterable[EventRecord], window: Window) -> tuple[Bar, ...]:
    """Return the bars of one row, events that overlap below each other."""
    lanes: list[datetime | None] = []
    placed: list[tuple[int, EventRecord, tuple[Span, ...]]] = []
    for event in sorted(events, key=lambda each: (each.first_seen_at, each.event_id)):
        parts = spans(event, window.now)
        placed.append((_lane(lanes, parts), event, parts))
    height = BAND_HEIGHT / max(1, len(lanes))
    return tuple(
        _bar(event, part, window, y=BAND_TOP + lane * height, height=height)
        for lane, event, parts in placed
        for part in parts
        if _overlaps(part, window)
    )


def _lane(lanes: list[datetime | None], parts: tuple[Span, ...]) -> int:
    """Return the first lane that is free when the event begins; a lane is taken until its last event's end."""
    number = next(
        (lane for lane, taken in enumerate(lanes) if taken is not None and taken <= parts[0].start), len(lanes)
    )
    if number == len(lanes) and number < LANES:
        lanes.append(None)
    number = min(number, LANES - 1)
    lanes[number] = parts[-1].end
    return number


def _bar(event: EventRecord, span: Span, window: Window, *, y: float, height: float) -> Bar:
    x = window.percent(span.start)
    end = window.percent(span.end) if span.end is not None else 100.0
    return Bar(
        part=span.part,
        event_id=event.event_id,
        x=x,
        width=round(end - x, 2),
        y=round(y, 2),
        height=round(height, 2),
        title=f"{_kind_words(event)}, {_part_words(span)}",
        is_rehearsal=is_rehearsal(event.event_id),
    )


def _kind_words(event: EventRecord) -> str:
    return f"{event.type} (rehearsal)" if is_rehearsal(event.event_id) else event.type


def _part_words(span: Span) -> str:
    since = clock_words(span.start)
    until = clock_words(span.end) if span.end is not None else ""
    match span.part:
        case Part.NOTICE:
            return f"announced {since}, until {until}"
        case Part.INTERRUPTION:
            return f"interruption from {since} to {until}"
        case Part.EXPECTED:
            return f"interruption expected from {since} to {until}"
        case Part.OPEN:
            return f"end not known, from {since} on"
        case Part.CANCELLED:
            return f"announced {since}, cancelled {until}"


def points(event: EventRecord, host: HostKey, window: Window) -> Iterator[Tick]:
    """Yield what happened to an event on a host, and what Azure promised, as far as it lies in the window."""
    drain = event.hosts.get(host)
    approval = event.approval
    known = (
        (Sign.NOT_BEFORE, event.not_before or event.announced_for, f"{_kind_words(event)} not before"),
        (Sign.DRAINED, drain.drained_at if drain is not None else None, f"drained for {_kind_words(event)}"),
        (Sign.APPROVED, approval.at if approval.state in _APPROVED else None, _approval_words(event)),
    )
    for sign, at, words in known:
        if at is not None and window.holds(at):
            yield Tick(sign=sign, x=window.percent(at), title=f"{words} {clock_words(at)}")


def _approval_words(event: EventRecord) -> str:
    if event.approval.state is ApprovalState.FOREIGN:
        return f"{event.type} approved by someone else"
    return f"{event.type} approved{f' by {event.approval.by}' if event.approval.by else ''}"
