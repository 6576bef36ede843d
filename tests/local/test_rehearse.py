"""Rehearsals against a real emulator."""

from collections.abc import AsyncIterator

import pytest

from services.local.errors import RehearsalError
from services.local.rehearse import Rehearsal, address, raise_event
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.fleet import DEFAULT_FLEET
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.emulator.stage import Stage
from shared.clock import SystemClock
from shared.settings import Listen

REBOOT = Rehearsal(type="Reboot", resources=("db-0",), source="User", notice_seconds=60)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(Stage(DEFAULT_FLEET, Pace(SystemClock())), Listen("127.0.0.1", 0)) as emulator:
        yield emulator


async def test_the_event_is_announced_as_ordered(emulator: Emulator) -> None:
    event = await raise_event(emulator.control_url, REBOOT)
    assert (event.type, event.resources, event.source) == ("Reboot", ("db-0",), "User")
    assert [live.id for live in emulator.stage.events()] == [event.id]


async def test_an_unknown_host_is_refused_with_the_known_ones(emulator: Emulator) -> None:
    with pytest.raises(RehearsalError, match="the VMs are db-0, db-1, web-0"):
        await raise_event(emulator.control_url, Rehearsal(type="Reboot", resources=("db-9",), source="User"))


async def test_what_is_no_emulator_is_said_so(emulator: Emulator) -> None:
    with pytest.raises(RehearsalError, match="is no emulator"):
        await raise_event(f"{emulator.control_url}/vm/db-0", REBOOT)


async def test_where_nothing_answers_it_says_what_to_start() -> None:
    with pytest.raises(RehearsalError, match="start `leeward up` first"):
        await raise_event("http://127.0.0.1:9", REBOOT)


def test_the_address_given_wins_over_the_one_found() -> None:
    assert address("http://127.0.0.1:1/", "http://127.0.0.1:2") == "http://127.0.0.1:1"
    assert address(None, "http://127.0.0.1:2") == "http://127.0.0.1:2"
    with pytest.raises(RehearsalError, match="--imds-url"):
        address(None, None)


def test_the_same_order_can_be_given_by_hand() -> None:
    order = Rehearsal(type="Reboot", resources=("db-0",), source="User", description="it's a test")
    assert order.as_curl("http://127.0.0.1:8169") == (
        "curl -X POST http://127.0.0.1:8169/control/events -d "
        """'{"type": "Reboot", "resources": ["db-0"], "source": "User", "description": "it'\\''s a test"}'"""
    )
