"""The broker of `leeward up`."""

from pathlib import Path

import pytest

from services.local.broker import BrokerKind, BrokerNotFoundError, command
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto


def test_a_mosquitto_on_this_machine_is_taken_first(tmp_path: Path) -> None:
    chosen = command(tmp_path, 1883)
    assert chosen.kind is BrokerKind.MOSQUITTO
    assert chosen.url == "mqtt://127.0.0.1:1883"


def test_a_kind_can_be_asked_for(tmp_path: Path) -> None:
    assert command(tmp_path, 1883, kind=BrokerKind.IOTCORE).argv[1:3] == ("-m", "services.local.iotcore_broker")


def test_without_mosquitto_iotcore_runs(tmp_path: Path) -> None:
    assert command(tmp_path, 1883, search=()).kind is BrokerKind.IOTCORE


def test_a_mosquitto_that_is_not_there_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BrokerNotFoundError, match="mosquitto"):
        command(tmp_path, 1883, kind=BrokerKind.MOSQUITTO, search=())


@pytest.mark.parametrize(("persistence", "expected"), [(True, [b"calm"]), (False, [])])
async def test_mosquitto_remembers_over_an_orderly_restart_if_told_to(
    tmp_path: Path, persistence: bool, expected: list[bytes]
) -> None:
    async with Mosquitto(tmp_path / "with a blank", persistence=persistence) as broker:
        async with running(bus_at(broker.url, "keeper")) as keeper:
            keeper.keep("hosts/a/events", b"calm")
            assert await keeper.settled(10)
        await broker.restart()
        listener = Listener()
        late = bus_at(broker.url, "late")
        late.subscribe("hosts/#", listener)
        late.keep("late", b"here")
        async with running(late):
            assert listener.payloads == expected
