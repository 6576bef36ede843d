"""`make bench`: the scheduler's dispatch against a bare loop, in one run, on this machine (docs/performance.md).

Compare only ratios, and only those of one run: the absolute figures move with the machine and the minute.
"""

import asyncio
import os
import platform
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.bench.contestants import BareLoop, Contestant, Scheduler
from tests.bench.holding import measure_holding
from tests.bench.loads import Take, loads
from tests.bench.measuring import Range
from tests.bench.report import Results, document, lost, table
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import Postgres, binaries

ROUNDS = 3
DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"


class Bench:
    """The target, the loop and the schedulers, all running; schedulers rest while they are not measured."""

    def __init__(self, range_: Range, loop: BareLoop, schedulers: tuple[Scheduler, ...], broker: str) -> None:
        self._range = range_
        self._contestants: tuple[Contestant, ...] = (loop, *schedulers)
        self._sqlite = schedulers[0]
        self._broker = broker

    async def measure(self, *, rounds: int, quick: bool) -> Results:
        """Take everything, contestants taking turns; takes about a minute and a half a round."""
        takes: dict[str, dict[str, list[Take]]] = defaultdict(lambda: defaultdict(list))
        for load in (load for _ in range(rounds) for load in loads(quick=quick)):
            for contestant in self._contestants:
                take = await self._range.take(contestant, load)
                takes[load.name][contestant.name].append(take)
                click.echo(f"  {load.name:<12}{contestant.name:<12}{take}", err=True)
        held = await measure_holding(self._range, self._sqlite, self._broker, events=4 if quick else 10)
        return Results(takes=takes, held=held, rounds=rounds, setting=_setting())


@asynccontextmanager
async def prepared(folder: Path) -> AsyncIterator[Bench]:
    """Start all parts, and take all down at the end."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(Postgres(**_server_settings()))
        broker = await stack.enter_async_context(Mosquitto(folder))
        range_ = await stack.enter_async_context(Range(folder))
        loop = BareLoop(folder)
        schedulers = (
            Scheduler("SQLite", folder, f"sqlite:///{folder}/bench.db", broker.url),
            Scheduler("PostgreSQL", folder, await server.new_database(), broker.url),
        )
        for scheduler in schedulers:
            await stack.enter_async_context(scheduler.running())
        yield Bench(range_, loop, schedulers, broker.url)


def _server_settings() -> dict[str, str]:
    """Durable, as in production; with the statement counter where the server has it."""
    settings = {"fsync": "on", "full_page_writes": "on"}
    if any(binaries().parent.rglob("pg_stat_statements.so")):
        settings["shared_preload_libraries"] = "pg_stat_statements"
    return settings


async def _bench(*, rounds: int, quick: bool) -> Results:
    with TemporaryDirectory(prefix="leeward-bench-") as folder:
        async with prepared(Path(folder)) as bench:
            return await bench.measure(rounds=rounds, quick=quick)


def _setting() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "uvloop", "SQLAlchemy", "asyncpg"))
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {libraries}"


@click.command()
@click.option("--quick", is_flag=True, help="One round with short windows: an impression, no result.")
@click.option("--date", help="Today, to write the result into docs/performance.md too.")
def main(quick: bool, date: str | None) -> None:
    """Measure dispatch against a bare loop, and how fast an event holds a host."""
    results = asyncio.run(_bench(rounds=1 if quick else ROUNDS, quick=quick))
    asked = loads(quick=quick)
    click.echo(f"{table(results)}\n\n{lost(results, asked)}")
    if date is not None:
        DOCUMENT.write_text(document(DOCUMENT.read_text(), results, asked, date))


if __name__ == "__main__":
    main()
