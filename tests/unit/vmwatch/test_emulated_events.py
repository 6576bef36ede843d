"""How emulated events live: announced, approved, started, ended, withdrawn."""

from datetime import datetime, timedelta

import pytest

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Approvals, Board, Draft, Habits
from services.vmwatch.errors import RehearsalError, UnknownEventError
from tests.parts.watching import NOON, TurnedClock

REBOOT = Draft(type="Reboot", resources=("db-0",), source="User", notice_seconds=300, duration_seconds=20)


def board(*, speed: float = 1.0, habits: Habits | None = None) -> Board:
    return Board(Pace(TurnedClock(), speed=speed), habits or Habits())


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def statuses(stage: Board, seconds: float) -> list[str]:
    return [event.status for event in stage.advance(after(seconds))]


def test_an_event_starts_at_not_before_and_goes_after_its_duration() -> None:
    stage = board()
    stage.schedule(REBOOT, "A", NOON)
    assert statuses(stage, 299) == ["Scheduled"]
    assert statuses(stage, 300) == ["Started"]
    assert statuses(stage, 319) == ["Started"]
    assert statuses(stage, 320) == []
    assert [ending.outcome for ending in stage.endings] == ["completed"]


def test_a_long_silence_lets_an_event_pass_whole() -> None:
    stage = board()
    stage.schedule(REBOOT, "A", NOON)
    assert stage.advance(after(4000)) == ()
    assert stage.incarnation == 4


def test_an_approved_event_starts_after_the_delay() -> None:
    stage = board(habits=Habits(start_delay=2))
    stage.schedule(REBOOT, "A", NOON)
    assert stage.approve("a", "db-1", ["db-0"], after(10))
    assert statuses(stage, 11) == ["Scheduled"]
    assert statuses(stage, 12) == ["Started"]
    assert stage.approve("A", "db-0", ["db-0"], after(13))
    assert statuses(stage, 31) == ["Started"]
    assert statuses(stage, 32) == []


def test_an_approval_never_lengthens_the_wait() -> None:
    stage = board(habits=Habits(start_delay=60))
    stage.schedule(REBOOT, "A", NOON)
    stage.approve("A", "db-0", ["db-0"], after(299))
    assert statuses(stage, 300) == ["Started"]


def test_all_hosts_must_approve_when_so_ordered() -> None:
    stage = board(habits=Habits(approvals=Approvals.ALL, start_delay=0))
    stage.schedule(REBOOT, "A", NOON)
    stage.approve("A", "db-0", ["db-0", "db-1"], NOON)
    assert statuses(stage, 0) == ["Scheduled"]
    stage.approve("A", "db-1", ["db-0", "db-1"], NOON)
    assert statuses(stage, 0) == ["Started"]


def test_an_unknown_event_cannot_be_approved_or_steered() -> None:
    stage = board()
    assert not stage.approve("A", "db-0", [], NOON)
    with pytest.raises(UnknownEventError):
        stage.start("A", NOON)


def test_a_cancelled_event_goes_without_starting_and_a_started_one_cannot_be_cancelled() -> None:
    stage = board()
    stage.schedule(REBOOT, "A", NOON)
    stage.cancel("A", after(5))
    assert [ending.outcome for ending in stage.endings] == ["cancelled"]
    stage.schedule(REBOOT, "B", NOON)
    stage.start("B", NOON)
    with pytest.raises(RehearsalError):
        stage.cancel("B", NOON)


def test_not_before_can_move_earlier() -> None:
    stage = board()
    stage.schedule(REBOOT, "A", NOON)
    assert stage.reschedule("A", 5, after(10)).not_before == after(15)
    assert statuses(stage, 15) == ["Started"]


def test_an_event_can_be_born_started() -> None:
    stage = board()
    stage.schedule(Draft(type="Redeploy", resources=("db-0",), status="Started", started_seconds=60), "A", NOON)
    assert statuses(stage, 59) == ["Started"]
    assert statuses(stage, 60) == []


def test_an_unknown_status_stands_for_its_time() -> None:
    stage = board()
    advice = Draft(type="SpotRebalanceRecommendation", resources=("db-0",), status="Advisory", notice_seconds=10)
    stage.schedule(advice, "A", NOON)
    assert statuses(stage, 39) == ["Advisory"]
    assert statuses(stage, 40) == []


def test_speed_shortens_spans_and_not_the_duration_that_is_told() -> None:
    stage = board(speed=60)
    event = stage.schedule(REBOOT, "A", NOON)
    assert event.not_before == after(5)
    assert event.duration_seconds == 20
    assert statuses(stage, 5.4) == []


def test_an_id_is_taken_once_while_it_lives() -> None:
    stage = board()
    stage.schedule(REBOOT, "A", NOON)
    with pytest.raises(RehearsalError):
        stage.schedule(REBOOT, "A", NOON)
    stage.finish("A", NOON)
    stage.schedule(REBOOT, "A", NOON)


@pytest.mark.parametrize(("kind", "notice"), [("Freeze", 900), ("Redeploy", 600), ("Preempt", 30), ("Terminate", 300)])
def test_the_notice_follows_the_type(kind: str, notice: int) -> None:
    assert board().schedule(Draft(type=kind, resources=("db-0",)), "A", NOON).not_before == after(notice)
