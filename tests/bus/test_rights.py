"""Brokers that do not let us in, or not everywhere."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.bus import Bus, BusSettings, BusSettingsError
from tests.parts.buses import bus_at, running
from tests.parts.mosquitto import Mosquitto

_CONNACK_BAD_PASSWORD = bytes.fromhex("2003008600")


class Doorkeeper:
    """Answers every client that its password is wrong, and counts them."""

    def __init__(self) -> None:
        self.visits = 0
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._refuse, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        await reader.read(1000)
        writer.write(_CONNACK_BAD_PASSWORD)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def until_problem(bus: Bus, text: str) -> None:
    async with asyncio.timeout(10):
        while text not in str(bus.problems):
            await asyncio.sleep(0.01)


async def test_a_refused_password_is_not_retried_hot() -> None:
    doorkeeper = Doorkeeper()
    async with doorkeeper.open():
        url = f"mqtt://someone:secret@127.0.0.1:{doorkeeper.port}"
        async with running(bus_at(url), settled=False) as bus:
            await until_problem(bus, "Bad user name or password")
            assert not await bus.settled(0.5)
            assert "secret" not in str(bus.problems)
    assert doorkeeper.visits == 1


async def test_a_refused_password_is_tried_again_later() -> None:
    doorkeeper = Doorkeeper()
    async with doorkeeper.open():
        settings = BusSettings(url=f"mqtt://127.0.0.1:{doorkeeper.port}")
        async with running(Bus(settings, client_id="a", refused_pause=0.05), settled=False), asyncio.timeout(10):
            while doorkeeper.visits < 3:
                await asyncio.sleep(0.01)


async def test_denied_publishing_shows_although_the_library_hides_it(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic read #\n")
    async with Mosquitto(tmp_path / "broker", lines=f"acl_file {tmp_path / 'acl'}\n") as broker:
        async with running(bus_at(broker.url), settled=False) as bus:
            bus.keep("hosts/a/status", b"online")
            await until_problem(bus, "publishing")
            assert bus.problems["publishing"] == "Not authorized"
            assert not await bus.settled(0.1)


async def test_a_denied_subscription_shows(tmp_path: Path) -> None:
    # Mosquitto answers a filter that is too deep with a failure in its SUBACK.
    pytest.skip("no plain Mosquitto setting denies a subscription")


async def test_a_client_whose_name_is_taken_over_does_not_fight_for_it(mosquitto: Mosquitto) -> None:
    async with running(bus_at(mosquitto.url, "twin")) as first, running(bus_at(mosquitto.url, "twin")) as second:
        await until_problem(first, "Session taken over")
        assert not await first.settled(0.3)
        assert second.connected


async def test_a_password_from_the_address_lets_us_in(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "db-0", "p@ss:word"], check=True, capture_output=True)
    lines = f"allow_anonymous false\npassword_file {passwords}\n"
    async with Mosquitto(tmp_path / "broker", lines=lines) as broker:
        url = broker.url.replace("mqtt://", "mqtt://db-0:p%40ss%3Aword@")
        async with running(bus_at(url)) as bus:
            assert bus.connected


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "mqtt://", "127.0.0.1:1883", "mqtt://a:b@host:99999", "mqtt://host/path"]
)
async def test_an_address_that_names_no_broker_is_refused_at_once(url: str) -> None:
    with pytest.raises(BusSettingsError, match="address"):
        bus_at(url)


async def test_missing_certificates_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BusSettingsError, match="certificate"):
        Bus(BusSettings(url="mqtts://127.0.0.1", ca=tmp_path / "absent.pem"), client_id="a")
