"""Notices as CloudEvents: whom they are for, how long they live, when they repeat an id."""

from datetime import timedelta

import msgspec

from services.vmwatch.notices import concerns, to_publication
from services.vmwatch.tracker import Transition
from shared.messages import CloudEvent, Event, EventNotice, NoticeKind, decode
from shared.topics import Topics
from tests.parts.watching import NOON

EVENT = Event(
    event_id="A",
    type="Reboot",
    status="Scheduled",
    resources=("DB-0", "db-1"),
    not_before=NOON + timedelta(minutes=15),
    first_seen_at=NOON,
)
SCHEDULED = Transition(kind=NoticeKind.SCHEDULED, event=EVENT)


def notice(transition: Transition, *, minutes: int = 0) -> CloudEvent[EventNotice]:
    publication = to_publication(Topics(), "DB-0", transition, NOON + timedelta(minutes=minutes))
    return decode(publication.payload, CloudEvent[EventNotice])


def test_a_notice_is_a_cloud_event_about_the_host() -> None:
    publication = to_publication(Topics(), "DB-0", SCHEDULED, NOON)
    cloud_event = notice(SCHEDULED)
    assert publication.topic == "leeward/v1/notices/db-0/scheduled"
    assert (publication.content_type or "").startswith("application/cloudevents+json")
    assert publication.expiry == timedelta(minutes=75)
    assert (cloud_event.type, cloud_event.subject) == ("io.leeward.event.scheduled", "DB-0")
    assert cloud_event.data.event == EVENT


def test_a_notice_about_something_started_lives_an_hour() -> None:
    started = msgspec.structs.replace(EVENT, status="Started", not_before=None)
    publication = to_publication(Topics(), "DB-0", Transition(kind=NoticeKind.STARTED, event=started), NOON)
    assert publication.expiry == timedelta(hours=1)


def test_the_same_news_has_the_same_id_after_a_restart_and_other_news_another() -> None:
    later = msgspec.structs.replace(EVENT, first_seen_at=NOON + timedelta(minutes=5))
    moved = msgspec.structs.replace(EVENT, not_before=NOON + timedelta(minutes=3))
    again = Transition(kind=NoticeKind.SCHEDULED, event=later)
    rescheduled = Transition(kind=NoticeKind.RESCHEDULED, event=moved, previous=EVENT)
    assert notice(SCHEDULED).id == notice(again, minutes=5).id
    assert notice(SCHEDULED).id != notice(rescheduled).id
    assert notice(rescheduled).data.previous_not_before == EVENT.not_before


def test_a_deadline_that_moves_back_and_forth_is_news_each_time() -> None:
    moved = msgspec.structs.replace(EVENT, not_before=NOON + timedelta(minutes=3))
    there = Transition(kind=NoticeKind.RESCHEDULED, event=moved, previous=EVENT)
    back = Transition(kind=NoticeKind.RESCHEDULED, event=EVENT, previous=moved)
    ids = [notice(each, minutes=minute).id for minute, each in enumerate((there, back, there, back))]
    assert len(set(ids)) == 4


def test_only_events_of_the_own_host_concern_a_watcher() -> None:
    assert concerns(SCHEDULED, "db-0")
    assert not concerns(SCHEDULED, "web-0")
    spared = msgspec.structs.replace(EVENT, resources=("db-1",))
    assert concerns(Transition(kind=NoticeKind.RESCHEDULED, event=spared, previous=EVENT), "db-0")
