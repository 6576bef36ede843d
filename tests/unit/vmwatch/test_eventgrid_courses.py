"""Two sources of the same events: whoever comes first, twice, late or never."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.vmwatch.eventgrid.courses import (
    MOST_BYTES,
    MOST_KEPT,
    MOST_TOLD,
    NOTHING,
    REMEMBERED,
    UNHEARD,
    Blend,
    Courses,
    blend,
    forget,
    has_room,
    hear_document,
    hear_told,
)
from services.vmwatch.eventgrid.envelopes import Told
from shared.messages import Event, NoticeKind
from tests.parts.watching import NOON

SECOND = timedelta(seconds=1)
COURSE = ("Scheduled", "Started", "Completed")


def event(status: str, event_id: str = "E", minutes: int = 15) -> Event:
    not_before = NOON + timedelta(minutes=minutes) if status == "Scheduled" else None
    return Event(event_id=event_id, type="Reboot", status=status, resources=("db-0",), not_before=not_before)


def told(status: str, at: int = 0, **more: object) -> Told:
    return Told(envelope_id=f"{status}{at}", event=event(status, **more), scope="", at=NOON + at * SECOND)  # type: ignore[arg-type]


def heard(*said: Told, courses: Courses = NOTHING) -> Courses:
    for one in said:
        courses = hear_told(courses, one, NOON)
    return courses


def statuses(found: Blend) -> list[str]:
    return [each.status for each in found.events]


def test_an_event_is_known_from_whichever_source_has_it_first() -> None:
    assert statuses(blend(heard(told("Scheduled")))) == ["Scheduled"]
    assert statuses(blend(hear_document(NOTHING, [event("Scheduled")], NOON))) == ["Scheduled"]
    both = hear_document(heard(told("Scheduled")), [event("Scheduled")], NOON)
    assert statuses(blend(both)) == ["Scheduled"]


def test_the_furthest_that_either_says_counts() -> None:
    started = hear_document(heard(told("Started")), [event("Scheduled")], NOON)
    (present,) = blend(started).events
    assert (present.status, present.not_before) == ("Started", None)
    assert statuses(blend(heard(told("Scheduled"), courses=hear_document(NOTHING, [event("Started")], NOON)))) == [
        "Started"
    ]


def test_the_deadline_is_that_of_whoever_spoke_last() -> None:
    courses = hear_document(heard(told("Scheduled", minutes=15)), [event("Scheduled", minutes=5)], NOON + SECOND)
    assert blend(courses).events[0].not_before == NOON + timedelta(minutes=5)
    later = hear_told(courses, told("Scheduled", at=9, minutes=4), NOON + 2 * SECOND)
    assert blend(later).events[0].not_before == NOON + timedelta(minutes=4)


@pytest.mark.parametrize(
    ("status", "ending"), [("Completed", NoticeKind.COMPLETED), ("Canceled", NoticeKind.CANCELLED)]
)
def test_an_end_that_is_told_is_certain_and_counts_at_once(status: str, ending: NoticeKind) -> None:
    courses = heard(told(status), courses=hear_document(NOTHING, [event("Scheduled")], NOON))
    still_listed = hear_document(courses, [event("Started")], NOON + SECOND)
    for found in (blend(courses), blend(still_listed)):
        assert (found.events, found.endings) == ((), {"E": ending})
        assert [(one.event_id, one.outcome, one.at) for one in found.ended] == [("E", ending, NOON)]


def test_what_the_metadata_service_lists_no_more_is_over_though_not_for_certain() -> None:
    known = hear_document(heard(told("Started")), [event("Scheduled")], NOON)
    gone = hear_document(known, [], NOON + SECOND)
    assert blend(gone) == Blend(events=())
    late = hear_told(gone, told("Started", at=5), NOON + 2 * SECOND)
    assert blend(late).events == ()
    certain = hear_told(late, told("Canceled", at=6), NOON + 3 * SECOND)
    assert [(one.outcome, one.at) for one in blend(certain).ended] == [("cancelled", NOON + SECOND)]


def test_a_source_that_never_answers_ends_nothing() -> None:
    assert statuses(blend(hear_document(heard(told("Scheduled")), [], NOON))) == ["Scheduled"]
    other = hear_document(heard(told("Scheduled")), [event("Scheduled", "F")], NOON)
    assert statuses(blend(hear_document(other, [], NOON))) == ["Scheduled"]


def test_an_event_that_was_out_of_sight_for_a_moment_is_on_again() -> None:
    gone = hear_document(hear_document(NOTHING, [event("Started")], NOON), [], NOON)
    assert statuses(blend(hear_document(gone, [event("Started")], NOON))) == ["Started"]


@given(st.permutations([*COURSE, *COURSE]))
def test_in_whatever_order_and_however_often_it_is_told_the_result_is_the_same(order: list[str]) -> None:
    said = [told(status, at=COURSE.index(status)) for status in order]
    assert blend(heard(*said)) == blend(heard(*(told(status, at=i) for i, status in enumerate(COURSE))))


def test_of_several_announcements_the_newest_counts_in_any_order() -> None:
    said = [told("Scheduled", at=at, minutes=15 - at) for at in range(3)]
    found = {blend(heard(*order)).events[0].not_before for order in permutations(said)}
    assert found == {NOON + timedelta(minutes=13)}


def test_without_times_whoever_speaks_last_is_believed() -> None:
    one, other = (Told(envelope_id=str(i), event=event("Scheduled", minutes=i), scope="", at=None) for i in (15, 5))
    assert blend(heard(one, other, one)).events[0].not_before == NOON + timedelta(minutes=15)


def test_an_ending_is_remembered_for_as_long_as_old_news_may_come() -> None:
    long = Told(envelope_id="1", event=replace(event("Scheduled"), description="x" * MOST_BYTES), scope="", at=NOON)
    assert not has_room(heard(told("Scheduled")), long)
    over = heard(told("Completed"))
    assert blend(hear_told(forget(over, NOON + REMEMBERED), told("Started"), NOON)).events == ()
    assert forget(over, NOON + REMEMBERED + SECOND) == {}
    listed = hear_document(over, [event("Started")], NOON)
    assert blend(forget(listed, NOON + 2 * REMEMBERED)).events == ()


def test_what_event_grid_alone_has_told_lapses_when_its_end_is_long_due() -> None:
    courses = heard(told("Scheduled", minutes=15))
    due = NOON + timedelta(minutes=15) + UNHEARD
    assert statuses(blend(forget(courses, due))) == ["Scheduled"]
    lapsed = forget(courses, due + SECOND)
    assert blend(lapsed) == Blend(events=(), endings={"E": None})
    assert statuses(blend(hear_document(lapsed, [event("Started")], due))) == ["Started"]
    assert statuses(blend(hear_told(lapsed, told("Started", at=9999), due + SECOND))) == ["Started"]
    assert blend(hear_told(lapsed, told("Canceled", at=5000), due)).endings == {"E": NoticeKind.CANCELLED}
    assert statuses(blend(forget(hear_document(courses, [event("Scheduled")], NOON), due + SECOND))) == ["Scheduled"]


def test_dates_outside_of_the_calendar_do_no_harm() -> None:
    far = event("Scheduled", minutes=0)
    wild = Told(envelope_id="1", event=far, scope="", at=NOON.replace(year=9999))
    assert statuses(blend(forget(hear_told(NOTHING, wild, NOON), NOON))) == ["Scheduled"]


def test_there_is_room_for_so_many_events_and_for_news_of_those_that_are_known() -> None:
    full = heard(*(told("Scheduled", event_id=f"E{number}") for number in range(MOST_TOLD)))
    assert has_room(full, told("Started", event_id="E0"))
    assert not has_room(full, told("Scheduled", event_id="NEW"))
    assert has_room(heard(told("Completed", event_id="E0"), courses=full), told("Scheduled", event_id="NEW"))
    over = heard(*(told("Completed", event_id=f"E{number}") for number in range(MOST_KEPT)))
    assert not has_room(over, told("Scheduled", event_id="NEW"))
