"""Follows what threatens which host, as the bus's contract has it, and prints a line for each change.

python follow_hosts.py; everything is rebuilt from the retained messages of each connection, in whatever order they
come. Printed are `calm`, `unknown`, `threatened` by which event, with how far the host is emptied, and `silent`:
something was announced, its time is over, and nobody is left who could say so.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import aiomqtt
import msgspec
from broker import PREFIX, QOS, stay_connected

FRESH_SECONDS = 45
"""A heartbeat comes every 10 s; an older one says nothing any more."""
MARGIN = timedelta(seconds=300)
LEAVES = ("status", "inventory", "events", "drains/+")


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Only what is needed here; unknown fields are ignored, because the contract grows."""


class Status(Message, frozen=True, kw_only=True):
    """A watcher's heartbeat, and its will."""

    host: str
    session: str
    state: str


class Inventory(Message, frozen=True, kw_only=True):
    """Who a host is; `group` sees the same events."""

    group: str = ""


class Event(Message, frozen=True, kw_only=True):
    """What Azure announces."""

    event_id: str
    type: str
    status: str
    resources: list[str]
    not_before: datetime | None = None
    duration_seconds: int | None = None

    def hits(self, host: str) -> bool:
        """Whether it is about this host; another status than these two is only advice."""
        return self.status in {"Scheduled", "Started"} and host.lower() in map(str.lower, self.resources)


class Ended(Message, frozen=True, kw_only=True):
    """An event that is over for certain."""

    event_id: str


class Snapshot(Message, frozen=True, kw_only=True):
    """All that one watcher sees, at once."""

    session: str
    sequence: int
    observed_at: datetime
    events: list[Event]
    ended: list[Ended] = []


class Drain(Message, frozen=True, kw_only=True):
    """How far a host is emptied for one event."""

    state: str
    running: int


class Watcher:
    """What is known of one host's watcher, and by it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.status: Status | None = None
        self.heard_at = 0.0
        self.group = ""
        self.snapshot: Snapshot | None = None
        self.drains: dict[str, Drain] = {}

    def take(self, leaf: str, payload: bytes) -> None:
        """Take a message in; raises msgspec.DecodeError. An empty one takes back what was retained."""
        kind, _, event_id = leaf.partition("/")
        match kind:
            case "status":
                self._hear(msgspec.json.decode(payload, type=Status) if payload else None)
            case "inventory":
                self.group = msgspec.json.decode(payload, type=Inventory).group if payload else ""
            case "events":
                self._see(msgspec.json.decode(payload, type=Snapshot) if payload else None)
            case "drains" if payload:
                self.drains[event_id] = msgspec.json.decode(payload, type=Drain)
            case "drains":
                self.drains.pop(event_id, None)

    @property
    def is_fresh(self) -> bool:
        """Whether it lives and was heard lately. By our own clock: machines disagree on time."""
        is_online = self.status is not None and self.status.state == "online"
        return is_online and self._clock() - self.heard_at <= FRESH_SECONDS

    def _hear(self, status: Status | None) -> None:
        last = self.status
        is_late_will = status and last and status.state == "offline" and status.session != last.session
        if not is_late_will:
            self.status, self.heard_at = status, self._clock()

    def _see(self, snapshot: Snapshot | None) -> None:
        last = self.snapshot
        is_stale = snapshot and last and snapshot.session == last.session and snapshot.sequence < last.sequence
        if not is_stale:
            self.snapshot = snapshot


class Fleet:
    """All hosts, by the key that their topics have."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `clock` tells seconds."""
        self._clock = clock
        self._watchers: dict[str, Watcher] = {}
        self._tellers: dict[str, set[str]] = {}

    def take(self, host: str, leaf: str, payload: bytes) -> None:
        """Take in a message from `hosts/{host}/{leaf}`; raises msgspec.DecodeError."""
        watcher = self._watchers.setdefault(host, Watcher(self._clock))
        watcher.take(leaf, payload)
        if leaf == "events":
            self._remember_tellers()

    def _remember_tellers(self) -> None:
        """Keep in mind who has ever listed an event, as long as anybody does: those may say that it is over."""
        before, self._tellers = self._tellers, {}
        for host, watcher in self._watchers.items():
            for event in watcher.snapshot.events if watcher.snapshot else ():
                self._tellers.setdefault(event.event_id, before.get(event.event_id, set())).add(host)

    def conditions(self) -> dict[str, str]:
        """Return what is to be said of each host whose watcher was ever heard."""
        return {key: self._condition(key, each) for key, each in self._watchers.items() if each.status is not None}

    def _condition(self, key: str, watcher: Watcher) -> str:
        name = watcher.status.host if watcher.status else key
        found = {event.event_id: (event, is_over) for event, is_over in self._threats(key, name)}
        if not found:
            known = "calm" if watcher.snapshot else "unknown, as its watcher has read nothing yet"
            return known if watcher.is_fresh else f"{known}, and its watcher is away"
        if all(is_over for _, is_over in found.values()):
            return "silent"
        words = [f"{event.type} {event.status}, not before {event.not_before}" for event, _ in found.values()]
        drains = [f"{drain.state}, {drain.running} running" for drain in watcher.drains.values()]
        return "threatened: " + "; ".join(words + drains)

    def _threats(self, key: str, name: str) -> Iterator[tuple[Event, bool]]:
        """Yield what stands against a host, with whether its time is over though nobody fresh tells so."""
        believed = {each: teller for each, teller in self._watchers.items() if self._is_believed(each, key)}
        fresh = {each for each, teller in believed.items() if teller.is_fresh}
        ended = {end.event_id for teller in believed.values() if teller.snapshot for end in teller.snapshot.ended}
        for each, teller in believed.items():
            for event in teller.snapshot.events if teller.snapshot else ():
                if not event.hits(name) or event.event_id in ended:
                    continue
                if each in fresh:
                    yield event, False
                elif not fresh & self._tellers[event.event_id]:
                    # Who reported it is gone. A watcher that is away never means that there is no event.
                    yield event, teller.snapshot is not None and _is_over(event, teller.snapshot.observed_at)

    def _is_believed(self, teller: str, about: str) -> bool:
        """A host speaks for itself, and for the hosts of its group."""
        group = self._watchers[about].group
        return teller == about or (group != "" and self._watchers[teller].group == group)


def _is_over(event: Event, observed_at: datetime) -> bool:
    begins = event.not_before or observed_at
    return datetime.now(UTC) > begins + timedelta(seconds=event.duration_seconds or 0) + MARGIN


async def follow(client: aiomqtt.Client) -> None:
    """Print each change, as long as the connection lasts."""
    fleet, printed = Fleet(), dict[str, str]()

    def show() -> None:
        for host, condition in fleet.conditions().items():
            if printed.get(host) != condition:
                printed[host] = condition
                print(f"{host}: {condition}", flush=True)

    async def show_now_and_then() -> None:
        while True:
            await asyncio.sleep(1)  # silence is no message: somebody has to look
            show()

    watching = asyncio.create_task(show_now_and_then())
    try:
        await client.subscribe([(f"{PREFIX}/hosts/+/{leaf}", QOS) for leaf in LEAVES])
        async for message in client.messages:
            host, _, leaf = str(message.topic).removeprefix(f"{PREFIX}/hosts/").partition("/")
            try:
                fleet.take(host, leaf, message.payload)
            except msgspec.DecodeError as fault:
                sys.stderr.write(f"{message.topic}: {fault}\n")
    finally:
        watching.cancel()


if __name__ == "__main__":
    asyncio.run(stay_connected(follow))
