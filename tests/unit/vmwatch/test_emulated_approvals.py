"""When an approved event starts: never later than NotBefore, and deletions of a scale set not before each other's."""

from datetime import datetime, timedelta

import pytest

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Approvals, Board, Draft, Habits
from tests.parts.watching import NOON, TurnedClock


def board(approvals: Approvals = Approvals.ANY) -> Board:
    return Board(Pace(TurnedClock()), Habits(approvals=approvals, start_delay=1))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def started(stage: Board, seconds: float) -> list[str]:
    return [event.id for event in stage.advance(after(seconds)) if event.status == "Started"]


def delete(stage: Board, event_id: str, vm: str, notice: float = 300) -> None:
    stage.schedule(Draft(type="Terminate", resources=(vm,), notice_seconds=notice), event_id, NOON)


def test_an_approved_deletion_waits_for_one_that_is_due_no_later() -> None:
    stage = board()
    delete(stage, "ONE", "web_1")
    delete(stage, "TWO", "web_2")
    stage.approve("TWO", "web_2", ["web_2"], after(10))
    assert started(stage, 60) == []
    stage.approve("ONE", "web_1", ["web_1"], after(60))
    assert started(stage, 60.9) == []
    assert started(stage, 61) == ["ONE", "TWO"]


def test_a_deletion_does_not_wait_for_one_that_is_due_later() -> None:
    stage = board()
    delete(stage, "ONE", "web_1", notice=600)
    delete(stage, "TWO", "web_2", notice=300)
    stage.approve("TWO", "web_2", ["web_2"], after(10))
    assert started(stage, 11) == ["TWO"]


@pytest.mark.parametrize("end", ["cancel", "finish", "start"])
def test_a_deletion_waits_no_longer_once_the_other_is_decided(end: str) -> None:
    stage = board()
    delete(stage, "ONE", "web_1", notice=100)
    delete(stage, "TWO", "web_2")
    stage.approve("TWO", "web_2", ["web_2"], after(10))
    getattr(stage, end)("ONE", after(20))
    assert "TWO" not in started(stage, 20.5)
    assert "TWO" in started(stage, 21)


def test_a_deletion_waits_no_longer_than_the_other_s_not_before() -> None:
    stage = board()
    delete(stage, "ONE", "web_1", notice=100)
    delete(stage, "TWO", "web_2")
    stage.approve("TWO", "web_2", ["web_2"], after(10))
    assert started(stage, 100) == ["ONE"]
    assert started(stage, 101) == ["ONE", "TWO"]


def test_other_events_do_not_wait_for_each_other() -> None:
    stage = board()
    delete(stage, "ONE", "web_1")
    stage.schedule(Draft(type="Reboot", resources=("web_2",)), "TWO", NOON)
    stage.approve("TWO", "web_2", ["web_2"], NOON)
    assert started(stage, 1) == ["TWO"]


def test_an_approval_outlives_a_new_not_before() -> None:
    stage = board()
    stage.schedule(Draft(type="Reboot", resources=("db-0",), notice_seconds=300), "A", NOON)
    stage.approve("A", "db-0", ["db-0"], after(10))
    assert stage.reschedule("A", 200, after(10.5)).start_at == after(11)
    assert started(stage, 11) == ["A"]


def test_an_advisory_is_approved_without_effect() -> None:
    stage = board()
    stage.schedule(Draft(type="SpotRebalanceRecommendation", resources=("db-0",), status="Advisory"), "A", NOON)
    assert stage.approve("A", "db-0", ["db-0"], NOON)
    (event,) = stage.advance(after(60))
    assert (event.status, event.approved_by) == ("Advisory", ())


def test_the_incarnation_grows_only_when_the_document_changes() -> None:
    stage = board(Approvals.ALL)
    stage.schedule(Draft(type="Advice", resources=("db-0",), status="Advisory", notice_seconds=5), "A", NOON)
    stage.schedule(Draft(type="Redeploy", resources=("db-0", "db-1"), status="Started"), "B", NOON)
    stage.schedule(Draft(type="Reboot", resources=("db-0", "db-1")), "C", NOON)
    assert stage.incarnation == 4
    stage.approve("C", "db-0", ["db-0", "db-1"], after(1))
    stage.advance(after(6))
    assert stage.incarnation == 4
