"""What came of events, type by type: the notice that was given, drains, approvals, durations. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from services.scheduler.api.schemas.fleet import EventStatisticsDocument, SpanDocument
from services.scheduler.domain.rehearsals import is_rehearsal
from services.scheduler.store.records import ApprovalState, EventOutcome, EventRecord
from shared.messages import DrainState

Span = Callable[[EventRecord], timedelta | None]


def statistics(events: Iterable[EventRecord]) -> list[EventStatisticsDocument]:
    """Return one document for each type that occurs, by name; rehearsals are left out."""
    by_type: dict[str, list[EventRecord]] = {}
    for event in events:
        if is_rehearsal(event.event_id):
            continue  # its notice and duration are an operator's choice
        by_type.setdefault(event.type, []).append(event)
    return [_of_type(name, by_type[name]) for name in sorted(by_type)]


def notice(event: EventRecord) -> timedelta | None:
    """Return how long before its NotBefore an event was first seen: none for one that had begun; None: not known."""
    if event.announced_for is not None:
        return _between(event.first_seen_at, event.announced_for)
    return timedelta() if event.started_at == event.first_seen_at else None


def drain(event: EventRecord) -> timedelta | None:
    """Return how long it took until every host was drained; None when one was not, or was not to be."""
    drains = event.hosts.values()
    times = [each.drained_at for each in drains if each.drained_at is not None and each.drain == DrainState.DRAINED]
    return _between(event.first_seen_at, max(times)) if times and len(times) == len(drains) else None


def approval_to_start(event: EventRecord) -> timedelta | None:
    """Return how long Azure took to start an event that we approved; None for any other."""
    if event.approval.state is not ApprovalState.APPROVED:
        return None
    return _between(event.approval.at, event.started_at)


def duration(event: EventRecord) -> timedelta | None:
    """Return how long an event lasted, from the start that was seen to the end that was seen."""
    return _between(event.started_at, event.ended_at) if event.outcome is EventOutcome.COMPLETED else None


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None else max(end - start, timedelta())


def _of_type(name: str, events: Sequence[EventRecord]) -> EventStatisticsDocument:
    return EventStatisticsDocument(
        type=name,
        count=len(events),
        outcomes=_tally(events),
        notice=_span(notice, events),
        drain=_span(drain, events),
        approval_to_start=_span(approval_to_start, events),
        duration=_span(duration, events),
    )


def _tally(events: Iterable[EventRecord]) -> Mapping[EventOutcome, int]:
    found = Counter(event.outcome for event in events)
    return {outcome: found[outcome] for outcome in EventOutcome}


def _span(measure: Span, events: Iterable[EventRecord]) -> SpanDocument | None:
    """Return what a measure came to over the events that have it; None when none has."""
    seconds = sorted(span.total_seconds() for event in events if (span := measure(event)) is not None)
    if not seconds:
        return None
    return SpanDocument(count=len(seconds), median_seconds=_rank(seconds, 0.5), p90_seconds=_rank(seconds, 0.9))


def _rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share does not exceed: one that was measured, however few there are."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]
