"""How events lie on the weather's rows."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.portal.overview.signs import Sign
from services.scheduler.portal.overview.spans import LANES, Part, bars, is_seen, points, spans
from services.scheduler.portal.overview.window import Zoom, window_at
from services.scheduler.store.records import Approval, ApprovalState, EventOutcome, EventRecord, HostDrain
from shared.topics import HostKey
from tests.parts.builders import ANNOUNCED, NOON

WINDOW = window_at(Zoom.USUAL, NOON)
DB_0 = HostKey("db-0")


def at(minutes: float) -> datetime:
    """Return an instant so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def event(**changes: object) -> EventRecord:
    fields = {"first_seen_at": at(-20), "not_before": at(10), "duration_seconds": 120, "hosts": {}}
    return replace(ANNOUNCED, **{**fields, **changes})


def over(outcome: EventOutcome, **changes: object) -> EventRecord:
    return event(outcome=outcome, ended_at=at(-2), **changes)


@pytest.mark.parametrize(
    ("record", "parts"),
    [
        (event(), [(Part.NOTICE, -20, 10), (Part.EXPECTED, 10, 12)]),
        (event(duration_seconds=None), [(Part.NOTICE, -20, 10), (Part.OPEN, 10, None)]),
        (event(not_before=None), [(Part.NOTICE, -20, 0), (Part.OPEN, 0, None)]),
        (event(not_before=at(-1)), [(Part.NOTICE, -20, 0), (Part.EXPECTED, 0, 2)]),
        (
            event(status="Started", started_at=at(-1)),
            [(Part.NOTICE, -20, -1), (Part.INTERRUPTION, -1, 0), (Part.EXPECTED, 0, 1)],
        ),
        (
            event(status="Started", started_at=at(-3)),
            [(Part.NOTICE, -20, -3), (Part.INTERRUPTION, -3, 0), (Part.OPEN, 0, None)],
        ),
        (event(status="Started", duration_seconds=None), [(Part.INTERRUPTION, -20, 0), (Part.OPEN, 0, None)]),
        (over(EventOutcome.CANCELLED), [(Part.CANCELLED, -20, -2)]),
        (over(EventOutcome.EXPIRED, not_before=at(-9)), [(Part.NOTICE, -20, -9)]),
        (
            over(EventOutcome.COMPLETED, started_at=at(-5)),
            [(Part.NOTICE, -20, -5), (Part.INTERRUPTION, -5, -2)],
        ),
    ],
    ids=[
        "announced with an end",
        "announced without an end",
        "announced without a start",
        "later than NotBefore",
        "under way",
        "longer under way than announced",
        "born started",
        "cancelled",
        "expired",
        "completed",
    ],
)
def test_an_event_is_drawn_as_what_is_known_of_it(
    record: EventRecord, parts: list[tuple[Part, float, float | None]]
) -> None:
    expected = [(part, at(start), None if end is None else at(end)) for part, start, end in parts]
    assert [(span.part, span.start, span.end) for span in spans(record, NOON)] == expected


def test_events_at_the_same_time_lie_below_each_other_and_the_next_one_takes_a_free_lane() -> None:
    first = over(EventOutcome.CANCELLED, event_id="A", first_seen_at=at(-50))
    second = over(EventOutcome.CANCELLED, event_id="B", first_seen_at=at(-40))
    third = event(event_id="C", first_seen_at=at(-1))
    drawn = bars([third, second, first], WINDOW)
    heights = {bar.event_id: bar.y for bar in drawn}
    assert heights["A"] < heights["B"]
    assert heights["C"] == heights["A"]


def test_however_many_events_overlap_they_stay_in_their_band() -> None:
    drawn = bars([event(event_id=f"E{number}") for number in range(9)], WINDOW)
    assert len({bar.y for bar in drawn}) == LANES
    assert max(bar.y + bar.height for bar in drawn) <= 12.01


def test_what_was_over_before_the_window_is_not_drawn() -> None:
    old = over(EventOutcome.CANCELLED, first_seen_at=at(-300))
    assert is_seen(old, WINDOW)
    assert bars([old], WINDOW)[0].x == 0
    older = replace(old, ended_at=at(-299))
    assert not is_seen(older, WINDOW)
    assert bars([older], WINDOW) == ()


def test_not_before_drained_and_approved_are_points_with_their_times() -> None:
    record = event(
        hosts={"db-0": HostDrain(drain="drained", drained_at=at(-6))},
        approval=Approval(state=ApprovalState.APPROVED, at=at(-5), by="leeward"),
    )
    found = {point.sign: point.title for point in points(record, DB_0, WINDOW)}
    assert found == {
        Sign.NOT_BEFORE: "Reboot not before 12:10:00 UTC",
        Sign.DRAINED: "drained for Reboot 11:54:00 UTC",
        Sign.APPROVED: "Reboot approved by leeward 11:55:00 UTC",
    }


def test_once_started_the_announced_time_is_still_marked() -> None:
    record = event(status="Started", not_before=None, announced_for=at(5), started_at=at(-1))
    assert [point.title for point in points(record, DB_0, WINDOW)] == ["Reboot not before 12:05:00 UTC"]
