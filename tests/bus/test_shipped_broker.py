"""The broker's configuration in k8s/: each identity may do its part, and no more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.local.broker import BrokerCommand, BrokerKind, command
from shared.bus import Bus, BusSettings, Delivery, Handler
from shared.topics import Topics, host_key
from tests.parts.brokers import BrokerProcess
from tests.parts.buses import running
from tests.parts.ports import free_port

SHIPPED = Path(__file__).parents[2] / "k8s"
TOPICS = Topics()
HOST, NEIGHBOUR = host_key("db-0"), host_key("db-1")
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
BusOf = Callable[[str], Bus]


async def openssl(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "openssl", *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "ca.crt"

    async def found(self) -> None:
        """Make the authority's own certificate."""
        files = ("-keyout", str(self.folder / "ca.key"), "-out", str(self.certificate))
        await openssl("req", "-x509", *NEW_KEY, *files, "-subj", "/CN=an authority")

    async def certify(self, name: str, file: str) -> None:
        """Make `file`.crt and `file`.key for a client or server of that name."""
        files = ("-keyout", str(self.folder / f"{file}.key"), "-out", str(self.folder / f"{file}.crt"))
        signer = ("-CA", str(self.certificate), "-CAkey", str(self.folder / "ca.key"))
        names = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
        await openssl("req", "-x509", *NEW_KEY, *signer, *files, *names)


@pytest.fixture
async def bus_of(tmp_path: Path) -> AsyncIterator[BusOf]:
    """The shipped broker, moved to a free port and this test's certificates; returns the bus of an identity."""
    authority = Authority(tmp_path)
    await authority.found()
    await authority.certify("localhost", "tls")
    for name in (HOST, "leeward-scheduler", "leeward-operator", "leeward-reader"):
        await authority.certify(name, name)
    port = free_port()
    async with BrokerProcess(shipped(tmp_path, port), port, tmp_path):
        yield lambda name: Bus(
            BusSettings(
                url=f"mqtts://localhost:{port}",
                ca=authority.certificate,
                cert=tmp_path / f"{name}.crt",
                key=tmp_path / f"{name}.key",
            ),
            client_id=name,
            reply_topic=TOPICS.reply(name) if name == "leeward-scheduler" else None,
        )


def shipped(folder: Path, port: int) -> BrokerCommand:
    started = command(folder, port, kind=BrokerKind.MOSQUITTO)
    text = (SHIPPED / "mosquitto.conf").read_text().replace("listener 8883", f"listener {port} 127.0.0.1\nuser root")
    for place, real in (("certs", folder), ("config", SHIPPED), ("data", folder)):
        text = text.replace(f"/mosquitto/{place}/", f"{real}/")
    (folder / "mosquitto.conf").write_text(text)
    return started


async def test_a_watcher_speaks_for_its_own_host_and_is_heard_by_the_scheduler(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    scheduler, watcher = bus_of("leeward-scheduler"), bus_of(HOST)
    for leaf in ("status", "inventory", "events"):
        scheduler.subscribe(TOPICS.all_hosts(leaf), noting(heard))
    async with running(scheduler), running(watcher):
        for topic in (TOPICS.status(HOST), TOPICS.inventory(HOST), TOPICS.events(HOST)):
            watcher.keep(topic, b"{}")
            assert await asyncio.wait_for(heard.get(), 10) == topic
        assert await watcher.settled(10)


async def test_a_watcher_cannot_speak_for_its_neighbour(bus_of: BusOf) -> None:
    watcher = bus_of(HOST)
    async with running(watcher):
        watcher.keep(TOPICS.status(NEIGHBOUR), b"{}")
        assert not await watcher.settled(0.5)
        assert watcher.problems == {"publishing": "Not authorized"}


async def test_a_watcher_carries_out_commands_and_cannot_give_them(bus_of: BusOf) -> None:
    scheduler, watcher = bus_of("leeward-scheduler"), bus_of(HOST)

    async def obey(delivery: Delivery) -> None:
        await watcher.reply(delivery, b"done: " + delivery.payload)

    watcher.subscribe(TOPICS.approve(HOST), obey)
    async with running(scheduler), running(watcher):
        assert await scheduler.request(TOPICS.approve(HOST), b"go", timeout=10) == b"done: go"
        watcher.keep(TOPICS.approve(HOST), b"go")
        assert not await watcher.settled(0.5)


async def test_the_scheduler_keeps_drains_and_hears_blocks_that_only_operators_set(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    scheduler, operator = bus_of("leeward-scheduler"), bus_of("leeward-operator")
    scheduler.subscribe(TOPICS.all_hosts("blocks/+"), noting(heard))
    async with running(scheduler), running(operator):
        operator.keep(TOPICS.block(HOST, "copy"), b"{}")
        assert await asyncio.wait_for(heard.get(), 10) == TOPICS.block(HOST, "copy")
        for topic in (TOPICS.drain(HOST, "E1"), TOPICS.scheduler_status("one")):
            scheduler.keep(topic, b"{}")
        assert await scheduler.settled(10)
        scheduler.keep(TOPICS.block(HOST, "copy"), b"{}")
        assert not await scheduler.settled(0.5)


async def test_a_reader_hears_everything_and_writes_nothing(bus_of: BusOf) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    reader, watcher = bus_of("leeward-reader"), bus_of(HOST)
    reader.subscribe(f"{TOPICS.prefix}/#", noting(heard))
    async with running(reader), running(watcher):
        watcher.keep(TOPICS.events(HOST), b"{}")
        assert await asyncio.wait_for(heard.get(), 10) == TOPICS.events(HOST)
        reader.keep(TOPICS.events(HOST), b"{}")
        assert not await reader.settled(0.5)


def noting(heard: asyncio.Queue[str]) -> Handler:
    """Return a handler that puts the topic of each message into `heard`."""

    async def note(delivery: Delivery) -> None:
        await heard.put(delivery.topic)

    return note
