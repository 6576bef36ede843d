"""What changed between two readings, for whatever Azure does."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.vmwatch.tracker import Advance, advance
from shared.messages import Event, NoticeKind

NOW = datetime(2026, 4, 20, 22, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


def event(event_id: str = "A", status: str = "Scheduled", *, minutes: int | None = 15, hosts: str = "db-0") -> Event:
    not_before = None if minutes is None or status == "Started" else NOW + timedelta(minutes=minutes)
    return Event(event_id=event_id, type="Reboot", status=status, resources=tuple(hosts.split()), not_before=not_before)


def kinds(result: Advance) -> list[tuple[str, NoticeKind]]:
    return [(transition.event.event_id, transition.kind) for transition in result.transitions]


def play(*documents: tuple[Event, ...]) -> list[list[tuple[str, NoticeKind]]]:
    """Advance through documents, one a second, and return what each brought."""
    known: tuple[Event, ...] = ()
    seen = []
    for second, document in enumerate(documents):
        result = advance(known, document, NOW + timedelta(seconds=second))
        known = result.events
        seen.append(kinds(result))
    return seen


def test_an_event_goes_from_scheduled_over_started_to_completed() -> None:
    steps = play((event(),), (event(),), (event(status="Started"),), (event(status="Started"),), ())
    assert steps == [
        [("A", NoticeKind.SCHEDULED)],
        [],
        [("A", NoticeKind.STARTED)],
        [],
        [("A", NoticeKind.COMPLETED)],
    ]


def test_an_event_that_leaves_scheduled_is_cancelled() -> None:
    assert play((event(),), ())[1] == [("A", NoticeKind.CANCELLED)]


def test_an_event_with_an_unknown_status_that_goes_is_cancelled() -> None:
    assert play((event(status="Advisory"),), ()) == [[("A", NoticeKind.SCHEDULED)], [("A", NoticeKind.CANCELLED)]]


def test_an_event_born_started_is_announced_once() -> None:
    born = event(status="Started")
    assert play((born,), (born,), ()) == [[("A", NoticeKind.STARTED)], [], [("A", NoticeKind.COMPLETED)]]


def test_a_deadline_that_moves_is_rescheduled() -> None:
    result = advance((event(),), (event(minutes=5),), LATER)
    (transition,) = result.transitions
    assert transition.kind is NoticeKind.RESCHEDULED
    assert transition.previous is not None
    assert transition.previous.not_before == NOW + timedelta(minutes=15)
    assert transition.event.not_before == NOW + timedelta(minutes=5)


def test_more_hosts_under_the_same_event_is_rescheduled_and_their_order_does_not_matter() -> None:
    assert kinds(advance((event(),), (event(hosts="db-0 db-1"),), LATER)) == [("A", NoticeKind.RESCHEDULED)]
    assert kinds(advance((event(hosts="db-1 db-0"),), (event(hosts="db-0 db-1"),), LATER)) == []


def test_several_events_change_at_once_endings_first() -> None:
    steps = play(
        (event("A"), event("B"), event("C", "Started")),
        (event("D"), event("A", "Started"), event("B", minutes=20)),
    )
    assert steps[1] == [
        ("C", NoticeKind.COMPLETED),
        ("D", NoticeKind.SCHEDULED),
        ("A", NoticeKind.STARTED),
        ("B", NoticeKind.RESCHEDULED),
    ]


def test_the_first_sight_is_kept_and_a_returning_event_is_seen_anew() -> None:
    first = advance((), (event(),), NOW).events
    second = advance(first, (event(status="Started"),), LATER).events
    assert [seen.first_seen_at for seen in second] == [NOW]
    gone = advance(second, (), LATER).events
    assert advance(gone, (event(),), LATER).events[0].first_seen_at == LATER


_EVENTS = st.builds(
    event,
    st.sampled_from("ABCD"),
    st.sampled_from(["Scheduled", "Started", "Advisory"]),
    minutes=st.sampled_from([None, 5, 15]),
    hosts=st.sampled_from(["db-0", "db-0 db-1", "web-0"]),
)
_DOCUMENTS = st.lists(_EVENTS, max_size=4, unique_by=lambda item: item.event_id).map(tuple)


@given(_DOCUMENTS, _DOCUMENTS)
def test_what_is_known_is_always_the_last_reading(first: tuple[Event, ...], second: tuple[Event, ...]) -> None:
    known = advance((), first, NOW).events
    result = advance(known, second, LATER)
    undated = tuple(msgspec.structs.replace(seen, first_seen_at=None) for seen in result.events)
    assert undated == second
    assert len({transition.event.event_id for transition in result.transitions}) == len(result.transitions)


@given(_DOCUMENTS)
def test_the_same_reading_again_changes_nothing(document: tuple[Event, ...]) -> None:
    known = advance((), document, NOW).events
    again = advance(known, document, LATER)
    assert again == Advance(events=known, transitions=())


@given(st.lists(_DOCUMENTS, min_size=1, max_size=8))
def test_each_event_that_came_is_said_to_end_exactly_once(documents: list[tuple[Event, ...]]) -> None:
    steps = [step for changes in play(*documents, ()) for step in changes]
    ends = {NoticeKind.COMPLETED, NoticeKind.CANCELLED}
    for event_id in "ABCD":
        story = [kind for name, kind in steps if name == event_id]
        births = [index for index, kind in enumerate(story) if index == 0 or story[index - 1] in ends]
        assert all(story[index] in {NoticeKind.SCHEDULED, NoticeKind.STARTED} for index in births)
        assert sum(kind in ends for kind in story) == len(births)
