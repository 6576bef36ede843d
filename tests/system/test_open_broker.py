"""A broker without any walls: what is said on it by anybody reaches no further than sense allows, and is counted."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import psutil
import pytest

from services.vmwatch.metrics import ApprovalOutcome
from shared.messages import ApproveCommand, encode
from shared.topics import HostKey, Topics
from tests.parts.brokers import BrokerProcess
from tests.parts.builders import event, inventory, online, snapshot
from tests.parts.mosquitto import Mosquitto
from tests.parts.site import ADDRESSES, Site

TOPICS = Topics()
HOST = HostKey("db-0")
TEN_MEGABYTES = b"9" * 10_000_000
GARBAGE = {
    "invalid-utf-8": b"\xff\xfe\x80",
    "torn": b'{"host": "db-0", ',
    "deep": b"[" * 100_000,
    "null": b"null",
    "wrong-types": b'{"host": 7, "session": [], "sequence": "x", "events": {"a": 1}, "state": "dead", "at": "noon"}',
    "a-number": b"1e999999",
    "too-large": b'{"host": "' + b"x" * 300_000 + b'"}',
    "ten-megabytes": TEN_MEGABYTES,
}


class Open(Mosquitto):
    """A Mosquitto that takes anything of any size, and on which litter lies before anybody comes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        config = folder / "mosquitto.conf"
        config.write_text(config.read_text().replace("message_size_limit 1048576", "message_size_limit 0"))

    async def start(self) -> None:
        """Start it and litter it."""
        await super().start()
        async with anybody(self) as client:
            for topic in litter_topics():
                await client.publish(topic, payload=b"{", qos=1, retain=True)
            for name, payload in GARBAGE.items():
                for leaf in ("status", "inventory", "events", "drains/E1", "blocks/x", "commands/approve"):
                    await client.publish(f"leeward/v1/hosts/{name}/{leaf}", payload=payload, qos=1, retain=True)


def anybody(broker: BrokerProcess) -> aiomqtt.Client:
    """Return a client with no manners."""
    return aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5, identifier="anybody")


def litter_topics() -> list[str]:
    hosts = ("db-0", "DB-0", "db%2D0", "db-0%2Fevents", "db-0 ", "a" * 5_000, "dЬ-0")
    leaves = ("status", "inventory", "events", "drains/E1", "blocks/x", "commands/approve", "blocks/", "")
    others = ("scheduler/one/status", "replies/leeward-scheduler-one/db-0", "executions/demo/backup", "", "hosts")
    return [f"leeward/v1/hosts/{host}/{leaf}" for host in hosts for leaf in leaves] + [
        f"leeward/v1/{topic}" for topic in others
    ]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """db-0 and db-1 in pool db on the open broker; a job on db-0 each second."""
    broker = Open(tmp_path / "broker")
    async with Site(tmp_path, hosts=("db-0", "db-1"), settings={}, broker=broker).running() as running:
        await running.create_job("backup", "/backup", placement={"host": "db-0"})
        await running.targets.until_hit("/backup")
        yield running


async def goes_on(site: Site, since: int | None = None) -> None:
    """The job went on in time (since a number of hits) and does, on its own host, and Azure was told nothing."""
    seen = len(site.targets.hits) if since is None else since
    for _ in range(3):
        await site.targets.until_hit("/backup", ADDRESSES["db-0"], after=len(site.targets.hits))
    late = [(hit.at - datetime.fromisoformat(hit.due)).total_seconds() for hit in site.targets.hits[seen:]]
    assert max(late) < 3
    assert (await site.host("db-0"))["condition"] == "available"
    assert await site.approvals() == []


async def test_litter_on_every_topic_keeps_nothing_from_starting_and_is_counted(site: Site) -> None:
    await goes_on(site)
    assert {host["host"] for host in (await site.call("GET", "/hosts"))["value"]} == {"db-0", "db-1"}
    refused = await site.metric('leeward_messages_refused_total{reason="invalid"}')
    assert refused >= 20
    assert await site.metric('leeward_messages_refused_total{reason="too-large"}') >= 1
    assert await site.watcher_metric("db-0", 'leeward_messages_refused_total{reason="invalid"}') >= 1


async def test_what_is_larger_than_any_message_never_reaches_the_services(site: Site) -> None:
    before = memory(site)
    async with anybody(site.broker) as client:
        for _ in range(20):
            for topic in (TOPICS.events(HOST), TOPICS.approve(HOST), TOPICS.drain(HOST, "E1")):
                await client.publish(topic, payload=TEN_MEGABYTES, qos=1)
    await goes_on(site)
    assert memory(site) - before < 50_000_000
    assert site.scheduler.said.count("bus connected") == 1


def memory(site: Site) -> int:
    """Return the bytes that the scheduler takes."""
    return int(psutil.Process(site.scheduler.pid).memory_info().rss)


async def test_a_storm_of_forged_commands_reaches_azure_no_more_often_than_it_bears(site: Site) -> None:
    event_id = await site.raise_event("Reboot", "web-9", "db-1", source="Platform", noticeSeconds=600)
    await site.until_event(event_id, lambda known: known["status"] == "Scheduled")
    forged = [encode(ApproveCommand(event_id=f"E{number}", reason="x", decided_by="x")) for number in range(2_000)]
    real = encode(ApproveCommand(event_id=event_id, reason="x", decided_by="x"))
    began = asyncio.get_running_loop().time()
    async with anybody(site.broker) as client:
        for payload in [*forged, *[real] * 500]:
            await client.publish(TOPICS.approve(HOST), payload=payload, qos=1)  # not dropped when the watcher is slow

    async def all_are_answered() -> bool:
        outcomes = set(ApprovalOutcome) - {ApprovalOutcome.REPEATED}
        names = [f'leeward_approvals_total{{outcome="{outcome}"}}' for outcome in outcomes]
        return sum([await site.watcher_metric("db-0", name) for name in names]) >= 2_500

    await site.until(all_are_answered)
    seconds = asyncio.get_running_loop().time() - began
    assert {approval["eventId"] for approval in await site.approvals()} == {event_id}
    assert len(await site.approvals()) <= 2 + seconds / 2
    assert site.watchers["db-0"].said.count("bus connected") == 1


async def test_hosts_that_anybody_invents_delay_no_job(site: Site) -> None:
    before = len(site.targets.hits)
    async with anybody(site.broker) as client:
        for number in range(3_000):
            name = f"invented-{number}"
            said = (inventory(name, "db", group="x"), online(name, at=datetime.now(UTC)), snapshot(name, event("db-0")))
            for leaf, words in zip(("inventory", "status", "events"), said, strict=True):
                await client.publish(f"leeward/v1/hosts/{name}/{leaf}", payload=encode(words), qos=0)

    async def all_are_heard() -> bool:
        return await site.metric('leeward_messages_refused_total{reason="not-entitled"}') >= 3_000

    await site.until(all_are_heard, seconds=60)
    await goes_on(site, since=before)
    assert len(site.targets.hits) > before
