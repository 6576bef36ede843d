"""A started event's VMs stand still for a while, and again: what the document does not show."""

from datetime import datetime, timedelta

import pytest

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Board, Draft, Habits, Impact
from services.vmwatch.errors import RehearsalError
from tests.parts.watching import NOON, TurnedClock

LONG = Draft(type="Freeze", resources=("db-0",), status="Started", started_seconds=300)


def board(speed: float = 1.0) -> Board:
    return Board(Pace(TurnedClock(), speed=speed), Habits())


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_planned_impacts_keep_the_events_vms_standing_still() -> None:
    stage = board(speed=2)
    impacts = (Impact(seconds=10), Impact(at=100, seconds=4))
    stage.schedule(Draft(type="Freeze", resources=("DB-0",), notice_seconds=60, impacts=impacts), "A", NOON)
    stage.start("A", NOON)
    assert stage.still_until("db-0", after(4.9)) == after(5)
    assert stage.still_until("db-0", after(5)) is None
    assert stage.still_until("db-0", after(50)) == after(52)
    assert stage.still_until("db-1", NOON) is None


def test_another_impact_can_be_ordered_while_the_event_lasts() -> None:
    stage = board()
    stage.schedule(LONG, "A", NOON)
    incarnation = stage.incarnation
    stage.interrupt("A", 3, after(60))
    assert stage.still_until("db-0", after(60)) == after(63)
    assert stage.incarnation == incarnation


def test_nothing_is_interrupted_before_the_start_or_after_the_end() -> None:
    stage = board()
    stage.schedule(Draft(type="Freeze", resources=("db-0",), impacts=(Impact(seconds=9),)), "A", NOON)
    assert stage.still_until("db-0", NOON) is None
    with pytest.raises(RehearsalError, match="has not started"):
        stage.interrupt("A", 3, NOON)
    stage.finish("A", NOON)
    assert stage.still_until("db-0", NOON) is None
