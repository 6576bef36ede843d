"""What a replica shows of itself: made from its real parts."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path

from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.running import Execution, Running
from services.scheduler.fleet.reports import Reports
from services.scheduler.metrics import Metrics
from services.scheduler.own_replica import OwnReplica
from services.scheduler.settings import Settings
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.vault.keys import KeyRing
from shared.bus import Bus, BusSettings, Delivery
from shared.keyfile import new_key
from shared.messages import Block, Presence, ReplicaStatus, encode
from shared.topics import HostKey, Topics
from tests.parts.builders import NOON, case, inventory, occurrence, online
from tests.parts.fakes_api import HandClock

DB_0 = HostKey("db-0")
URL = "mqtts://leeward:hush@broker.example:8883"


class Parts:
    """A replica and what it is made from, connected to nothing."""

    def __init__(self) -> None:
        self.clock, self.metrics = HandClock(NOON), Metrics("")
        self.reports, self.running, self.bus = Reports(), Running(), Bus(BusSettings(url=URL), client_id="one")
        self.lease = Lease(MemoryStore(lambda: "s-1"), self.clock, "one", timedelta(seconds=15), self.metrics)
        self.replica = OwnReplica(
            Settings(mqtt_url=URL, tokens_file=Path("tokens"), replica="one"),
            self.clock,
            self.metrics,
            reports=self.reports,
            running=self.running,
            lease=self.lease,
            keys=KeyRing(None, self.clock, self.metrics, keys=(new_key(NOON),)),
            bus=self.bus,
            sources={"tokens_file": "LEEWARD_TOKENS_FILE"},
        )


async def test_a_host_is_shown_as_it_was_heard_with_the_blocks_that_stand() -> None:
    parts = Parts()
    parts.reports.take_inventory(DB_0, inventory("db-0", "db"))
    parts.reports.take_status(DB_0, online("db-0"), retained=False, now=NOON)
    parts.reports.take_block(DB_0, "backup", Block(reason="disks", until=NOON + timedelta(minutes=1)))
    parts.reports.take_block(DB_0, "over", Block(reason="old", until=NOON))
    watched = parts.replica.watched(DB_0)
    assert (watched.inventory, watched.status, watched.heard_at) == (inventory("db-0", "db"), online("db-0"), NOON)
    assert list(watched.blocks) == ["backup"]
    assert parts.replica.watched(HostKey("gone")).status is None


async def test_what_runs_on_a_host_is_shown_with_how_long_it_has() -> None:
    parts = Parts()
    scope = asyncio.timeout(None)
    began = time.monotonic() - 5
    with parts.running.enter(Execution(occurrence=occurrence(), case=case(), host=DB_0, scope=scope, began=began)):
        [working] = parts.replica.working_on(DB_0)
    assert working.occurrence == occurrence()
    assert timedelta(seconds=5) <= working.elapsed < timedelta(minutes=1)
    assert list(parts.replica.working_on(DB_0)) == []


async def test_schedulers_are_known_by_what_they_say_on_the_bus() -> None:
    parts = Parts()
    asked = await _heard_by(parts, ReplicaStatus(replica="b", session="s", state=Presence.ONLINE, at=NOON, version="1"))
    assert asked == "leeward/v1/scheduler/+/status"
    await _heard_by(parts, ReplicaStatus(replica="a", session="s", state=Presence.OFFLINE, at=NOON, version="1"))
    assert [(one.replica, one.state) for one in parts.replica.heard()] == [
        ("a", Presence.OFFLINE),
        ("b", Presence.ONLINE),
    ]


async def _heard_by(parts: Parts, status: ReplicaStatus) -> str:
    """Have the replica's own subscription hear a status; return what it asked for."""
    asked: list[str] = []

    class Broker(Bus):
        def subscribe(self, topic_filter: str, handler: object) -> None:
            asked.append(topic_filter)
            self.handler = handler

    broker = Broker(BusSettings(url=URL), client_id="two")
    parts.replica.subscribe(broker, Topics())
    await broker.handler(
        Delivery(topic=Topics().scheduler_status(status.replica), payload=encode(status), retained=True)
    )  # type: ignore[operator]
    return asked[0]


async def test_nothing_secret_is_shown() -> None:
    parts = Parts()
    line = parts.replica.line
    assert (line.broker, line.is_connected) == ("mqtts://broker.example:8883", False)
    shown = {one.name: one for one in parts.replica.settings()}
    assert shown["mqtt_url"].value == "mqtts://leeward:***@broker.example:8883"
    assert (shown["tokens_file"].source, shown["mqtt_url"].source) == ("LEEWARD_TOKENS_FILE", "")
    [key] = parts.replica.keys()
    assert key.is_sealing
    assert "hush" not in repr((line, shown, key))


async def test_its_life_and_its_connection_have_a_beginning() -> None:
    parts = Parts()
    assert parts.replica.session == ""
    await parts.lease.begin()
    assert parts.replica.session == "s-1"
    parts.clock.turn(timedelta(minutes=1))
    parts.replica.note_connection()
    assert parts.replica.line.since == NOON + timedelta(minutes=1)
    assert parts.replica.started_at == NOON
