"""What two sources say of the same events, by id, made one: pure; in any order, duplicated, late or never.

The metadata service (IMDS) is asked each second and lists what is on: of an event that it listed and lists no more, it
says that it is over. Event Grid tells each change once, at some time, in any order: what it does not tell means
nothing, but `Completed` and `Canceled` are certain, and end an event at once. Events never go back (reference §1.4), so
the furthest that either has said counts; what else an event says is taken from whoever spoke last.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import replace

from services.vmwatch.documents import CANCELED, COMPLETED, SCHEDULED, STARTED
from services.vmwatch.eventgrid.envelopes import Told
from shared.messages import EndedEvent, Event, NoticeKind, encode

REMEMBERED: Final = timedelta(hours=24)
"""How long an ending is kept: Event Grid tries for a day to deliver what it has, and old news must revive nothing."""
UNHEARD: Final = timedelta(hours=1)
"""How long after its expected end an event is kept that Event Grid alone has told, and of which no end came."""
LONGEST: Final = timedelta(days=30)
MOST_TOLD: Final = 200
"""Events that Event Grid has told, at a time: a placement group has at most a hundred VMs."""
MOST_BYTES: Final = 128 * 1024
"""What these may take of a snapshot: half of it."""
MOST_ENDED: Final = 200
MOST_KEPT: Final = 2000
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_ENDINGS: Final[Mapping[str, NoticeKind]] = MappingProxyType(
    {COMPLETED: NoticeKind.COMPLETED, CANCELED: NoticeKind.CANCELLED}
)
_PROGRESS: Final[Mapping[str, int]] = MappingProxyType({SCHEDULED: 0, STARTED: 1, COMPLETED: 2, CANCELED: 2})


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """One event as the two sources know it, each by what it said last and when that was heard.

    `listed`: it stands in the last document that the metadata service has answered with. `told_at` is Event Grid's own
    time. `ended_at` is when it was found to be over, `ending` how; None when it has only lapsed: nobody has said
    anything of it for so long that it counts no more.
    """

    read: Event | None = None
    read_heard_at: datetime | None = None
    listed: bool = False
    told: Event | None = None
    told_at: datetime | None = None
    told_heard_at: datetime | None = None
    ending: NoticeKind | None = None
    ended_at: datetime | None = None

    @property
    def has_lapsed(self) -> bool:
        """Whether it counts no more, though nobody has said that it is over."""
        return self.ended_at is not None and self.ending is None

    @property
    def is_certain(self) -> bool:
        """Whether Event Grid has told how it ended."""
        return self.told is not None and self.told.status in _ENDINGS


Courses = Mapping[str, Course]
NOTHING: Final[Courses] = MappingProxyType({})


class Blend(msgspec.Struct, frozen=True, kw_only=True):
    """What both sources come to: events that are on, and how those have ended of which that is certain.

    `endings` has them by id, and with None those that have lapsed: nobody knows what became of them.
    """

    events: tuple[Event, ...]
    endings: Mapping[str, NoticeKind | None] = {}
    ended: tuple[EndedEvent, ...] = ()


def hear_document(courses: Courses, events: Iterable[Event], now: datetime) -> Courses:
    """Take in a good answer of the metadata service: what it listed before and lists no more is over."""
    listed = {event.event_id: event for event in events}
    gone = {event_id: _unlisted(course, now) for event_id, course in courses.items() if event_id not in listed}
    on = {event_id: _listed(courses.get(event_id, Course()), event, now) for event_id, event in listed.items()}
    return gone | on


def hear_told(courses: Courses, told: Told, now: datetime) -> Courses:
    """Take in what Event Grid tells; what is older than what it has told of the event already changes nothing."""
    event_id = told.event.event_id
    course = courses.get(event_id, Course())
    if not _is_news(course, told):
        return courses
    course = replace(course, told=told.event, told_at=told.at, told_heard_at=now)
    if course.has_lapsed:
        course = replace(course, ended_at=None)
    if course.is_certain:
        course = replace(course, ending=_ENDINGS[told.event.status], ended_at=course.ended_at or now)
    return {**courses, event_id: course}


def forget(courses: Courses, now: datetime) -> Courses:
    """Forget endings that are old, and let lapse what Event Grid alone has told when its end is long due."""
    kept = {event_id: course for event_id, course in courses.items() if not _is_old(course, now)}
    return {
        event_id: replace(each, ended_at=now) if _is_overdue(each, now) else each for event_id, each in kept.items()
    }


def has_room(courses: Courses, told: Told) -> bool:
    """Whether what is told may be remembered: Event Grid must not crowd out what the metadata service lists."""
    event_id = told.event.event_id
    if event_id in courses and told.event.status in _ENDINGS:
        return True
    live = [course.told for key, course in courses.items() if key != event_id and course.ended_at is None]
    others = [event for event in live if event is not None]
    size = sum(len(encode(event)) for event in (*others, told.event))
    return len(others) < MOST_TOLD and len(courses) < MOST_KEPT and size <= MOST_BYTES


def blend(courses: Courses) -> Blend:
    """Return what the courses come to: of events that are on in the order of their ids, of endings the latest."""
    certain = {event_id: course for event_id, course in courses.items() if course.is_certain}
    latest = sorted(certain, key=lambda event_id: (certain[event_id].ended_at, event_id), reverse=True)[:MOST_ENDED]
    return Blend(
        events=tuple(_present(courses[event_id]) for event_id in sorted(courses) if courses[event_id].ended_at is None),
        endings={
            event_id: course.ending for event_id, course in courses.items() if course.is_certain or course.has_lapsed
        },
        ended=tuple(ended for event_id in latest if (ended := _ended(event_id, certain[event_id])) is not None),
    )


def _listed(course: Course, event: Event, now: datetime) -> Course:
    """An event that is listed is on, whatever was concluded from its absence; but a certain end is final."""
    heard = replace(course, read=event, read_heard_at=now, listed=True)
    return heard if course.is_certain else replace(heard, ending=None, ended_at=None)


def _unlisted(course: Course, now: datetime) -> Course:
    if not course.listed:
        return course
    if course.ended_at is not None:
        return replace(course, listed=False)
    ending = NoticeKind.COMPLETED if _present(course).status == STARTED else NoticeKind.CANCELLED
    return replace(course, listed=False, ending=ending, ended_at=now)


def _is_news(course: Course, told: Told) -> bool:
    """Whether something is further on than what was told before, or as far and newer by Event Grid's own time."""
    if course.told is None:
        return True
    rank, known = _PROGRESS.get(told.event.status, 0), _PROGRESS.get(course.told.status, 0)
    if rank != known:
        return rank > known
    if told.at is None or course.told_at is None:
        return told.event != course.told
    return told.at > course.told_at


def _present(course: Course) -> Event:
    """Return an event as it stands: said by whoever spoke last, as far on as either has said."""
    if course.read is None or course.told is None:
        one = course.read or course.told
        if one is None:
            raise ValueError("a course without an event")
        return one
    read_last = (course.read_heard_at or _NEVER) >= (course.told_heard_at or _NEVER)
    event = course.read if read_last else course.told
    if STARTED in (course.read.status, course.told.status):
        return replace(event, status=STARTED, not_before=None)
    return event


def _ended(event_id: str, course: Course) -> EndedEvent | None:
    if course.ending is None or course.ended_at is None:
        return None
    return EndedEvent(event_id=event_id, outcome=course.ending, at=course.ended_at)


def _is_old(course: Course, now: datetime) -> bool:
    return course.ended_at is not None and not course.listed and now - course.ended_at > REMEMBERED


def _is_overdue(course: Course, now: datetime) -> bool:
    """Whether an event that Event Grid alone has told should have ended long ago."""
    heard = course.told_heard_at
    if course.ended_at is not None or course.read is not None or course.told is None or heard is None:
        return False  # of what it has listed the metadata service will say when it is over
    told_at = min(course.told_at or heard, heard)
    start = min(max(told_at, course.told.not_before or told_at), heard + LONGEST)
    seconds = min(course.told.duration_seconds or 0, LONGEST.total_seconds())
    return now > start + timedelta(seconds=seconds) + UNHEARD
