"""The emulator's clock: spans that shrink, and time that passes at once."""

import asyncio
from datetime import timedelta

import pytest

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.fleet import DEFAULT_FLEET
from services.vmwatch.emulator.group import Group
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.stage import Stage
from tests.parts.watching import NOON, TurnedClock


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_turning_lets_azure_s_time_pass_and_never_turns_back() -> None:
    pace = Pace(TurnedClock(), speed=60)
    pace.turn(120)
    assert pace.now() == NOON + after(2)
    with pytest.raises(ValueError, match="forward only"):
        pace.turn(-1)


async def test_whoever_waits_for_an_instant_goes_on_when_the_clock_is_turned() -> None:
    pace = Pace(TurnedClock())
    waiting = asyncio.create_task(pace.until(NOON + after(3600)))
    await asyncio.sleep(0)
    pace.turn(1800)
    await asyncio.sleep(0)
    assert not waiting.done()
    pace.turn(1800)
    async with asyncio.timeout(5):
        await waiting
    assert pace.now() == NOON + after(3600)


def test_a_day_of_silence_resets_the_incarnation() -> None:
    stage = Stage(DEFAULT_FLEET, Pace(TurnedClock(), speed=3600), Options(first_call_delay=120, disable_after=86400))
    vm = DEFAULT_FLEET.vms[0]
    stage.activate(vm)
    for _ in range(3):
        stage.schedule(Draft(type="Reboot", resources=("db-0",), notice_seconds=1_000_000))
    assert stage.read(vm)[0] == 4
    stage.pace.turn(86401)
    assert stage.activate(vm) == after(120 / 3600)
    incarnation, events = stage.read(vm)
    assert (incarnation, len(events)) == (1, 3)


def test_events_begin_to_show_a_while_after_the_first_request() -> None:
    group = Group(Pace(TurnedClock()), Options(activation_delay=300))
    group.board.schedule(Draft(type="Reboot", resources=("db-0",)), "A", NOON)
    group.board.reset()
    group.activate(NOON)
    assert group.read(NOON + after(299)) == (1, ())
    incarnation, events = group.read(NOON + after(300))
    assert (incarnation, [event.id for event in events]) == (2, ["A"])
