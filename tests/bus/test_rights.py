"""Brokers that do not let us in, or not everywhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.bus import Bus, BusSettings, BusSettingsError
from tests.parts.buses import bus_at, running
from tests.parts.mosquitto import Mosquitto

BAD_PASSWORD = bytes.fromhex("2003008600")
WELCOME = bytes.fromhex("2003000000")
TAKEN_OVER = bytes.fromhex("e0028e00")
SUBSCRIPTION_DENIED = bytes.fromhex("9004000100") + b"\x87"


class Doorkeeper:
    """Answers the first packets of every client with fixed ones, and counts the clients."""

    def __init__(self, *answers: bytes) -> None:
        self.visits = 0
        self.url = ""
        self._answers = answers
        self._visited = asyncio.Condition()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Doorkeeper"]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"mqtt://someone:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def until_visits(self, count: int) -> None:
        async with asyncio.timeout(10), self._visited:
            await self._visited.wait_for(lambda: self.visits >= count)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._visited:
            self.visits += 1
            self._visited.notify_all()
        for answer in self._answers:
            await reader.read(1000)
            writer.write(answer)
        await reader.read()
        writer.close()
        await writer.wait_closed()


async def until_problem(bus: Bus, text: str) -> str:
    """Wait until the bus has a problem that says `text`, and return what has it."""
    async with asyncio.timeout(10):
        while True:
            for name, said in bus.problems.items():
                if text in f"{name}: {said}":
                    return name
            await asyncio.sleep(0.01)  # problems are for readiness, which polls


async def test_a_refused_password_is_not_retried_hot() -> None:
    async with Doorkeeper(BAD_PASSWORD).open() as doorkeeper, running(bus_at(doorkeeper.url), settled=False) as bus:
        await until_problem(bus, "Bad user name or password")
        assert not await bus.settled(0.5)
        assert "secret" not in str(bus.problems)
        assert doorkeeper.visits == 1


async def test_a_refused_password_is_tried_again_later() -> None:
    async with Doorkeeper(BAD_PASSWORD).open() as doorkeeper:
        bus = Bus(BusSettings(url=doorkeeper.url), client_id="a", refused_pause=0.05)
        async with running(bus, settled=False):
            await doorkeeper.until_visits(3)
            assert not bus.connected


async def test_two_clients_of_one_name_are_told_what_is_wrong_when_the_broker_does_not(mosquitto: Mosquitto) -> None:
    async with running(bus_at(mosquitto.url)) as bus, running(bus_at(mosquitto.url), settled=False):
        assert await until_problem(bus, "does another client have the same name?") == "broker"


async def test_a_client_whose_name_is_taken_over_does_not_fight_for_it() -> None:
    opened = Doorkeeper(WELCOME + TAKEN_OVER).open()
    async with opened as doorkeeper, running(bus_at(doorkeeper.url), settled=False) as bus:
        await until_problem(bus, "Session taken over")
        assert not await bus.settled(0.3)
        assert doorkeeper.visits == 1


async def test_a_denied_subscription_shows() -> None:
    opened = Doorkeeper(WELCOME, SUBSCRIPTION_DENIED).open()
    async with opened as doorkeeper, running(bus_at(doorkeeper.url, "a"), settled=False) as bus:
        await until_problem(bus, "replies/a")
        assert bus.problems == {"replies/a/+": "Not authorized"}


async def test_denied_publishing_shows_although_the_library_hides_it(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    opened = Mosquitto(tmp_path / "broker", lines=f"acl_file {acl}\n")
    async with opened as broker, running(bus_at(broker.url), settled=False) as bus:
        bus.keep("hosts/a/status", b"online")
        await until_problem(bus, "publishing")
        assert bus.problems["publishing"] == "Not authorized"
        assert not await bus.settled(0.1)


async def test_a_password_from_the_address_lets_us_in(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    await tool("mosquitto_passwd", "-c", "-b", str(passwords), "db-0", "p@ss:word")
    lines = f"allow_anonymous false\npassword_file {passwords}\n"
    async with Mosquitto(tmp_path / "broker", lines=lines) as broker:
        url = broker.url.replace("mqtt://", "mqtt://db-0:p%40ss%3Aword@")
        async with running(bus_at(url)) as bus:
            assert bus.connected


async def test_a_broker_with_a_certificate_is_reached_by_tls(tmp_path: Path) -> None:
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "1")
    await tool(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject
    )
    lines = f"keyfile {key}\ncertfile {certificate}\n"
    async with Mosquitto(tmp_path / "broker", lines=lines) as broker:
        url = f"mqtts://localhost:{broker.port}"
        async with running(Bus(BusSettings(url=url, ca=Path(certificate)), client_id="trusting")) as bus:
            assert bus.connected


async def tool(*argv: str) -> None:
    """Run a command-line tool to its successful end."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "mqtt://", "127.0.0.1:1883", "mqtt://a:b@host:99999", "mqtt://host/path"]
)
async def test_an_address_that_names_no_broker_is_refused_at_once(url: str) -> None:
    with pytest.raises(BusSettingsError, match="address"):
        bus_at(url)


async def test_missing_certificates_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BusSettingsError, match="certificate"):
        Bus(BusSettings(url="mqtts://127.0.0.1", ca=tmp_path / "absent.pem"), client_id="a")
