"""What the watcher's tests share: a clock to turn, an emulated fleet on a free port, an outlet that remembers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TypeVar

import msgspec

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.fleet import DEFAULT_FLEET, Fleet
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.emulator.stage import Stage
from shared.bus import Delivery, Publication
from shared.clock import Clock, SystemClock
from shared.messages import EventSnapshot, HostStatus, Inventory, decode
from shared.settings import Listen
from shared.topics import Topics, host_key

T = TypeVar("T", bound=msgspec.Struct)
NOON = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)


class TurnedClock:
    """A clock that stands until it is turned; `monotonic` turns with it."""

    def __init__(self, at: datetime = NOON) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the instant it was turned to."""
        return self._at

    def monotonic(self) -> float:
        """Return seconds since an arbitrary instant."""
        return (self._at - NOON).total_seconds()

    def turn(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self._at += timedelta(seconds=seconds)


class RememberedOutlet:
    """Takes what the watcher and approvals would send."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes]] = []
        self.offered: list[Publication] = []
        self.replies: list[bytes] = []

    def keep(self, topic: str, payload: bytes) -> None:
        """Remember retained state."""
        self.kept.append((topic, payload))

    def offer(self, publication: Publication) -> bool:
        """Remember a notice."""
        self.offered.append(publication)
        return True

    async def reply(self, _delivery: Delivery, payload: bytes) -> None:
        """Remember an answer."""
        self.replies.append(payload)

    def snapshots(self, host: str = "db-0") -> list[EventSnapshot]:
        """Return the snapshots of a host, in order."""
        return self._all(Topics().events(host_key(host)), EventSnapshot)

    def statuses(self, host: str = "db-0") -> list[HostStatus]:
        """Return the statuses of a host, in order."""
        return self._all(Topics().status(host_key(host)), HostStatus)

    def inventories(self, host: str = "db-0") -> list[Inventory]:
        """Return the inventories of a host, in order."""
        return self._all(Topics().inventory(host_key(host)), Inventory)

    def notices(self) -> list[str]:
        """Return the last level of each notice's topic, in order."""
        return [publication.topic.rpartition("/")[2] for publication in self.offered]

    def _all(self, topic: str, kind: type[T]) -> list[T]:
        return [decode(payload, kind) for kept, payload in self.kept if kept == topic]


def event_ids() -> Callable[[], str]:
    """Return a source of ids that read `EVENT-1`, `EVENT-2`, …"""
    numbers: Iterator[int] = count(1)
    return lambda: f"event-{next(numbers)}"


def emulator(
    *, fleet: Fleet = DEFAULT_FLEET, clock: Clock | None = None, speed: float = 1.0, options: Options | None = None
) -> Emulator:
    """Return an emulator on a free port, calm, with the default fleet."""
    stage = Stage(fleet, Pace(clock or SystemClock(), speed=speed), options, event_ids())
    return Emulator(stage, Listen("127.0.0.1", 0))


async def eventually(condition: Callable[[], Awaitable[bool]], *, seconds: float = 10) -> None:
    """Wait for something that only asking again and again can tell; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)
