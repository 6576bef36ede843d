"""The course of a run: who takes what in which order, as far as it was asked for."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median

import click
from aiohttp import ClientSession
from msgspec.structs import replace

from tests.bench.bursts import drain_rate
from tests.bench.contestants import Contestant, field
from tests.bench.creating import Creation, measure_creation
from tests.bench.holding import measure_holding
from tests.bench.idle import Idle, measure_idle
from tests.bench.loads import HANGING, HERD, RATES, SATURATION, SLOW, STEADY, Load, Take, loads, quantile, rate_load
from tests.bench.machine import ServerProcesses
from tests.bench.measuring import Range
from tests.bench.results import Results
from tests.bench.schedulers import Scheduler
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import Postgres, binaries

NEEDED: dict[str, tuple[str, ...]] = {
    "P1": (SATURATION,),
    "P2": (STEADY, SLOW),
    "P3": (STEADY,),
    "P4": (STEADY,),
    "P5": (HERD,),
    "P6": (STEADY, SATURATION),
    "P7": ("bursts",),
    "P8": (STEADY, HANGING),
    "P9": ("creations",),
    "P10": ("idles",),
    "P11": ("held", "idles"),
    "rates": ("rates",),
}
"""What must be measured for a gauge; `rates` is the curve of throughput."""
EVENTS = 120
"""So many that the 99th percentile is none of the extremes."""
_HOPELESS = 0.5
"""Who gets through less than this share of a rate is not asked for a higher one."""
_TRIES = 12
"""How many disturbed takes of a run are made again."""
_QUICKLY_LEFT_OUT = frozenset({SLOW, "rates"})
_QUICK_RATES = (100, 1_000, 4_000)

Taken = dict[str, dict[str, list[Take]]]


class Bench:
    """The target, the contestants and what stands around them, all running; schedulers rest while not measured."""

    def __init__(
        self,
        range_: Range,
        peers: Sequence[Contestant],
        schedulers: Sequence[Scheduler],
        spare: Sequence[Scheduler],
        broker: str,
    ) -> None:
        """`spare` schedulers have databases of their own, to be filled."""
        self._range = range_
        self._schedulers = schedulers
        self._contestants: tuple[Contestant, ...] = (*peers, *schedulers)
        self._spare = spare
        self._broker = broker

    async def measure(self, gauges: frozenset[str], *, rounds: int, quick: bool, setting: str) -> Results:
        """Measure what the gauges need, contestants taking turns; each step's results are kept for `--again`."""
        began = time.monotonic()
        wanted = {part for gauge in gauges for part in NEEDED[gauge]}
        if quick and gauges == frozenset(NEEDED):
            wanted -= _QUICKLY_LEFT_OUT
        results = Results(setting=setting, rounds=rounds)
        async for found in self._steps(wanted, rounds=rounds, quick=quick):
            results = replace(results, minutes=(time.monotonic() - began) / 60, **found)
            results.save()
        return results

    async def _steps(self, wanted: set[str], *, rounds: int, quick: bool) -> AsyncIterator[dict[str, object]]:
        """Yield what is known after each step, by the names of the results' fields."""
        takes: Taken = defaultdict(lambda: defaultdict(list))
        bursts: dict[str, list[float]] = defaultdict(list)
        creations: dict[str, list[Creation]] = defaultdict(list)
        for _ in range(rounds):
            for load in (load for name, load in loads(quick=quick).items() if name in wanted):
                await self._take_all(load, takes)
            if "bursts" in wanted:
                await self._burst_all(bursts, jobs=2_000 if quick else 5_000)
            if "creations" in wanted:
                await self._create_all(creations, quick=quick)
            yield {"takes": takes, "bursts": bursts, "creations": creations}
        if "held" in wanted:
            yield {"held": await self._held(events=5 if quick else EVENTS)}
        if "rates" in wanted:
            yield {"rates": await self._rates(takes, quick=quick)}
        if "idles" in wanted:
            yield {"idles": await self._idles(quick=quick)}

    async def _take_all(self, load: Load, takes: Taken) -> None:
        for contestant in self._contestants:
            if contestant.takes(load.name):
                takes[load.name][contestant.name].append(await self._take(contestant, load))

    async def _take(self, contestant: Contestant, load: Load) -> Take:
        take = await self._range.take(contestant, load)
        _tell(
            load.name,
            contestant.name,
            f"{take.rate:8,.0f}/s  p50 {take.p50 * 1e3:8.1f} ms  p99 {take.p99 * 1e3:8.1f} ms"
            f"  {take.cpu * 1e6:6.0f} µs  lost {take.lost}  again {take.again}{'  disturbed' * take.disturbed}",
        )
        return take

    async def _burst_all(self, bursts: dict[str, list[float]], *, jobs: int) -> None:
        for contestant in self._contestants:
            rate = await drain_rate(self._range, contestant, jobs)
            bursts[contestant.name].append(rate)
            _tell("burst", contestant.name, f"{rate:8,.0f}/s")

    async def _create_all(self, creations: dict[str, list[Creation]], *, quick: bool) -> None:
        for scheduler in self._single():
            creation = await measure_creation(scheduler, quick=quick)
            creations[scheduler.name].append(creation)
            _tell(
                "creation",
                scheduler.name,
                f"{creation.sequential:,.0f} {creation.concurrent:,.0f} {creation.bulk:,.0f}/s",
            )

    async def _rates(self, takes: Taken, *, quick: bool) -> dict[int, dict[str, list[Take]]]:
        """Return takes by rate, those that were made anyway among them."""
        known = {100: SLOW, 1_000: STEADY, 9_000: SATURATION}
        found: dict[int, dict[str, list[Take]]] = {}
        hopeless: set[str] = set()
        for rate in _QUICK_RATES if quick else RATES:
            found[rate] = {who: list(own) for who, own in takes.get(known.get(rate, ""), {}).items()}
            for contestant in self._contestants:
                if not (found[rate].get(contestant.name) or contestant.name in hopeless):
                    found[rate][contestant.name] = [await self._take(contestant, rate_load(rate, quick=quick))]
            hopeless |= {
                who for who, own in found[rate].items() if median(take.rate for take in own) < _HOPELESS * rate
            }
        return found

    async def _held(self, *, events: int) -> dict[str, list[float]]:
        held = {}
        for scheduler in self._schedulers:
            held[scheduler.name] = await measure_holding(self._range, scheduler, self._broker, events=events)
            p50, p99 = (quantile(sorted(held[scheduler.name]), share) * 1e3 for share in (0.50, 0.99))
            _tell("holding", scheduler.name, f"p50 {p50:.1f} ms  p99 {p99:.1f} ms  of {events} events")
        return held

    async def _idles(self, *, quick: bool) -> dict[str, list[Idle]]:
        async with AsyncExitStack() as stack:
            for scheduler in self._spare:
                await stack.enter_async_context(scheduler.running())
            return await measure_idle(self._spare, self._range, self._broker, quick=quick)

    def _single(self) -> Iterator[Scheduler]:
        return (scheduler for scheduler in self._schedulers if len(scheduler.replicas) == 1)


@asynccontextmanager
async def prepared(folder: Path, *, quick: bool) -> AsyncIterator[Bench]:
    """Start all parts, and take all down at the end."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())
        server = stack.enter_context(Postgres(**_server_settings()))
        broker = await stack.enter_async_context(Mosquitto(folder))
        processes = await ServerProcesses.of(server.url("postgres"))
        range_ = Range(folder, http, processes, tries=0 if quick else _TRIES)
        await stack.enter_async_context(range_.running())

        async def scheduler(name: str, *spared: str, file: str = "", replicas: int = 1) -> Scheduler:
            database = f"sqlite:///{folder / file}" if file else await server.new_database()
            left_out = frozenset(spared)
            return Scheduler(name, folder, database, broker.url, replicas=replicas, http=http, spared=left_out)

        schedulers = [
            await scheduler("SQLite", file="bench.db"),
            await scheduler("PostgreSQL"),
            await scheduler("2 replicas", SLOW, HERD, replicas=2),
        ]
        for each in schedulers:
            await stack.enter_async_context(each.running())
        spare = [await scheduler("SQLite", file="large.db"), await scheduler("PostgreSQL")]
        yield Bench(range_, await field(folder, server), schedulers, spare, broker.url)


def _server_settings() -> dict[str, str]:
    """Durable, as in production; with the statement counter where the server has it."""
    settings = {"fsync": "on", "full_page_writes": "on", "max_connections": "200"}
    if any(binaries().parent.rglob("pg_stat_statements.so")):
        settings["shared_preload_libraries"] = "pg_stat_statements"
    return settings


def _tell(what: str, who: str, figures: str) -> None:
    click.echo(f"  {what:<12}{who:<14}{figures}", err=True)
