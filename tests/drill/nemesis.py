"""The nemesis: chooses faults by the drill's seed, strikes, mends, and notes from when to when each was on."""

import asyncio
import time
from random import Random

import msgspec

from tests.drill.faults import FAULTS, Strike
from tests.drill.records import Fault, FaultKind
from tests.drill.replicas import Replica, faketime
from tests.drill.site import Site

_KEEPER_SECONDS = 0.1
_BREATH = (0.3, 1.5)
_MENDING = 2.5
"""Seconds that mending takes, a process's start included, and the breath after it."""
_ANYWHERE = {
    FaultKind.KILL: 5,
    FaultKind.TERM: 3,
    FaultKind.FREEZE_SHORT: 2,
    FaultKind.FREEZE_LONG: 3,
    FaultKind.BROKER_LOST: 1,
    FaultKind.TARGET_GONE: 1,
    FaultKind.TARGET_HANGS: 1,
    FaultKind.DISK_FULL: 1,
}
_WITH_SERVER = {
    FaultKind.DATABASE_RESTART: 2,
    FaultKind.CROWDED: 1,
    FaultKind.CUT: 2,
    FaultKind.HALF_OPEN: 2,
    FaultKind.MUTE: 1,
    FaultKind.DEAF: 1,
}
"""How often each kind comes, in proportion."""
_SERVER = frozenset({FaultKind.DATABASE_RESTART, FaultKind.CROWDED})
_LINE = frozenset({FaultKind.CUT, FaultKind.HALF_OPEN, FaultKind.MUTE, FaultKind.DEAF})
_TARGET = frozenset({FaultKind.TARGET_GONE, FaultKind.TARGET_HANGS})


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A fault to come: `start` and `seconds` from the nemesis's beginning.

    `what` is broken: no two faults break the same thing at a time.
    """

    kind: FaultKind
    what: str
    start: float
    seconds: float
    replica: int


def plan(random: Random, *, count: int, span: float, lease: int, replicas: int, server: bool) -> list[Planned]:
    """Return faults that begin within `span` seconds or when their thing is free, overlapping as it comes."""
    weights = {**_ANYWHERE, **(_WITH_SERVER if server else {})}
    if server and faketime() is not None:
        weights[FaultKind.CLOCK] = 2
    kinds = random.choices(list(weights), weights=list(weights.values()), k=count)
    planned = [_planned(random, kind, span, lease, random.randrange(replicas), server) for kind in kinds]
    return sorted(planned, key=lambda each: each.start)


def _planned(random: Random, kind: FaultKind, span: float, lease: int, replica: int, server: bool) -> Planned:
    return Planned(
        kind=kind,
        what=_what(kind, f"replica-{replica}", server=server),
        start=random.uniform(0, span),
        seconds=_length(random, kind, lease),
        replica=replica,
    )


def _what(kind: FaultKind, replica: str, *, server: bool) -> str:
    if kind in _SERVER or (kind is FaultKind.DISK_FULL and server):
        return "database"
    if kind in _LINE:
        return f"{replica}'s line"
    if kind in _TARGET:
        return "target"
    return "broker" if kind is FaultKind.BROKER_LOST else replica


def duration(planned: list[Planned]) -> float:
    """Return about how many seconds it takes until all faults are mended."""
    free: dict[str, float] = {}
    for each in planned:
        free[each.what] = max(free.get(each.what, 0.0), each.start) + each.seconds + _MENDING
    return max(free.values(), default=0.0)


def _length(random: Random, kind: FaultKind, lease: int) -> float:
    """Return how long a fault lasts: around the lease where that decides what follows, short else."""
    if kind is FaultKind.FREEZE_SHORT:
        return random.uniform(0.2, 0.95) * lease
    if kind in (FaultKind.FREEZE_LONG, FaultKind.CLOCK):
        return random.uniform(1.1, 1.8) * lease
    if kind in _LINE:
        return random.uniform(0.2, 1.8) * lease
    return random.uniform(0.1, 3.0)


class Nemesis:
    """Runs a plan on a site, and keeps what falls by itself running as an orchestrator would."""

    def __init__(self, site: Site, planned: list[Planned], random: Random) -> None:
        self.faults: list[Fault] = []
        self._site = site
        self._planned = planned
        self._random = random
        self._locks: dict[str, asyncio.Lock] = {}

    async def run(self) -> None:
        """Strike until the plan is done and everything is mended."""
        async with asyncio.TaskGroup() as strikes:
            for number, planned in enumerate(self._planned):
                strikes.create_task(self._strike(planned), name=f"strike-{number}")

    async def keep(self) -> None:
        """Start what has fallen by itself again, until cancelled."""
        while True:
            for replica in self._site.replicas:
                if replica.has_fallen:
                    await self._pick_up(replica)
            await asyncio.sleep(_KEEPER_SECONDS)

    async def _pick_up(self, replica: Replica) -> None:
        async with self._lock(replica.name):
            if replica.has_fallen:
                began = time.time()
                await replica.start()
                self._note(FaultKind.FELL, replica.name, began)

    async def _strike(self, planned: Planned) -> None:
        await asyncio.sleep(planned.start)
        replica = self._site.replicas[planned.replica]
        async with self._lock(planned.what):
            began = time.time()
            async with FAULTS[planned.kind](Strike(self._site, replica, self._random)):
                await asyncio.sleep(planned.seconds)
            self._note(planned.kind, planned.what, began)
            # Something must be under way when it is broken again.
            await asyncio.sleep(self._random.uniform(*_BREATH))

    def _lock(self, what: str) -> asyncio.Lock:
        return self._locks.setdefault(what, asyncio.Lock())

    def _note(self, kind: FaultKind, what: str, began: float) -> None:
        self.faults.append(Fault(kind=kind, began=began, ended=time.time(), replica=what))
