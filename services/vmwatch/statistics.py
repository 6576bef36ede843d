"""What events of this host came to, each counted once: notice, drain, approval to start, duration.

It follows the documents as the watcher reads them. What stood in the first document of this life was there before: for
how long, nobody here knows, so its notice and its drain are not counted, nor its duration if it had started. A watcher
that an event has restarted would otherwise find that there was no notice.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from services.vmwatch.documents import STARTED
from services.vmwatch.metrics import Span
from shared.bus import Delivery
from shared.clock import Clock
from shared.messages import Drain, DrainState, Event, decode

Observe = Callable[[Span, str, str, float], None]


class _Course(msgspec.Struct, frozen=True, kw_only=True):
    """One event so far; an instant is None for what was not seen or has not come."""

    event: Event
    seen_at: datetime | None
    started_at: datetime | None = None
    approved_at: datetime | None = None
    drained: bool = False


class Statistics:
    """Measures the events of one host."""

    def __init__(self, host: str, observe: Observe, clock: Clock) -> None:
        """`observe` counts one measure: which, the event's type and source, and seconds."""
        self._host = host.lower()
        self._observe = observe
        self._clock = clock
        self._courses: dict[str, _Course] = {}
        self._is_first = True

    def take(self, events: Iterable[Event], *, is_whole: bool = True) -> None:
        """Take in what is on: all of it, unless the first document has yet to come."""
        now, before = self._clock.now(), self._courses
        mine = {event.event_id: event for event in events if self._concerns(event)}
        for event_id in before.keys() - mine.keys():
            self._count(Span.DURATION, before[event_id], before[event_id].started_at, now)
        self._courses = {event_id: self._follow(before.get(event_id), event, now) for event_id, event in mine.items()}
        self._is_first = self._is_first and not is_whole

    async def hear_drain(self, delivery: Delivery) -> None:
        """Take in how far the scheduler has emptied this host. Raises MessageRefusedError."""
        if not delivery.payload:
            return
        drain = decode(delivery.payload, Drain)
        course = self._courses.get(drain.event_id.upper())
        if course is None or course.drained or drain.state is not DrainState.DRAINED:
            return
        self._count(Span.DRAIN, course, course.seen_at, self._clock.now())
        self._courses[course.event.event_id] = replace(course, drained=True)

    def approved(self, event_id: str) -> None:
        """Take in that Azure has just accepted an approval."""
        course = self._courses.get(event_id.upper())
        if course is not None and course.approved_at is None:
            self._courses[event_id.upper()] = replace(course, approved_at=self._clock.now())

    def _follow(self, course: _Course | None, event: Event, now: datetime) -> _Course:
        if course is None:
            return self._begin(event, now)
        if event.status == STARTED != course.event.status:
            self._count(Span.APPROVAL_TO_START, course, course.approved_at, now)
            course = replace(course, started_at=now)
        return replace(course, event=event)

    def _begin(self, event: Event, now: datetime) -> _Course:
        if self._is_first:
            return _Course(event=event, seen_at=None)
        course = _Course(event=event, seen_at=now, started_at=now if event.status == STARTED else None)
        self._count(Span.NOTICE, course, now, now if event.status == STARTED else event.not_before)
        return course

    def _count(self, span: Span, course: _Course, start: datetime | None, end: datetime | None) -> None:
        """Count a measure whose two ends are known."""
        if start is not None and end is not None:
            self._observe(span, course.event.type, course.event.source, max(0.0, (end - start).total_seconds()))

    def _concerns(self, event: Event) -> bool:
        return any(resource.lower() == self._host for resource in event.resources)
