"""`make bench`: dispatch against a bare loop and other schedulers, in one run, on this machine (docs/performance.md).

Compare only ratios, and only those of one run: the absolute figures move with the machine and the minute.
"""

import asyncio
import os
import platform
import signal
import subprocess
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from shared import logs
from tests.bench.bench import NEEDED, prepared
from tests.bench.curves import charts, embedded
from tests.bench.environment import ROOT, programs, version_of
from tests.bench.growth import BEGIN as GROWTH
from tests.bench.growth import growth
from tests.bench.profiling import BEGIN as PROFILE
from tests.bench.profiling import profile
from tests.bench.report import BEGIN, EMPTY, remarks, replaced, table
from tests.bench.results import Results
from tests.bench.watcher import BEGIN as WATCHER
from tests.bench.watcher import watcher

ROUNDS = 3
DOCUMENT = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
_OWN = ("aiohttp", "uvloop", "SQLAlchemy", "asyncpg")
_PEERS = ("APScheduler", "Procrastinate", "PgQueuer")


async def _measured(gauges: frozenset[str], *, quick: bool) -> Results:
    with TemporaryDirectory(prefix="leeward-bench-") as folder:
        async with prepared(Path(folder), quick=quick) as bench:
            return await bench.measure(gauges, rounds=1 if quick else ROUNDS, quick=quick, setting=_setting())


def _setting() -> str:
    libraries = [f"{name} {version(name)}" for name in _OWN] + [f"{name} {version_of(name)}" for name in _PEERS]
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    return f"{machine}, {', '.join(libraries)}"


def _write(results: Results, date: str) -> None:
    """Put the table and the pictures into the document."""
    found = charts(results)
    with TemporaryDirectory() as folder:
        data = Path(folder) / "charts.json"
        data.write_bytes(msgspec.json.encode(found))
        command = (programs() / "python", "-m", "tests.bench.draw", data, IMAGES)
        subprocess.run(command, check=True, cwd=ROOT)
    taken = (
        f"{date}; {results.setting}; rounds: {results.rounds}, the medians of them, contestants taking turns; "
        f"{results.minutes:.0f} minutes."
    )
    body = "\n\n".join((taken, table(results), EMPTY, remarks(results), embedded(found)))
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(), BEGIN, body))


def _tell(mark: str, found: str, date: str | None) -> None:
    """Print what was found; with a date put it into the document too."""
    click.echo(found)
    if date:
        DOCUMENT.write_text(replaced(DOCUMENT.read_text(), mark, f"{date}. {found}"))


def _chosen(_: click.Context, __: click.Parameter, value: str | None) -> frozenset[str]:
    chosen = frozenset(value.split(",")) if value else frozenset(NEEDED)
    if unknown := sorted(chosen - set(NEEDED)):
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(NEEDED)}")
    return chosen


@click.command()
@click.option("--quick", is_flag=True, help="One round with short windows: an impression, no result.")
@click.option("--only", callback=_chosen, help="Gauges to measure, such as P8,P9; `rates` is the curve of throughput.")
@click.option("--again", is_flag=True, help="Measure nothing, take the last run's figures.")
@click.option("--profile", "profiled", is_flag=True, help="Say where the scheduler's time goes, instead.")
@click.option("--scale", "grown", is_flag=True, help="Fill the stores, and say what they cost, instead.")
@click.option("--watcher", "watched", is_flag=True, help="Measure what a watcher costs its VM, instead.")
@click.option("--date", help="Today, to write what comes out into docs/performance.md too.")
def main(
    quick: bool, only: frozenset[str], again: bool, profiled: bool, grown: bool, watched: bool, date: str | None
) -> None:
    """Measure dispatch against a bare loop and other schedulers."""
    logs.configure(level="ERROR")
    # Whoever ends it ends what it has started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if profiled:
        _tell(PROFILE, asyncio.run(profile(quick=quick)), date)
        return
    if grown:
        _tell(GROWTH, asyncio.run(growth(quick=quick)), date)
        return
    if watched:
        _tell(WATCHER, asyncio.run(watcher(quick=quick)), date)
        return
    if date and not again and (only != frozenset(NEEDED)):
        raise click.UsageError("only a whole run goes into the document: --date without --only")
    results = Results.saved() if again else asyncio.run(_measured(only, quick=quick))
    click.echo(f"{table(results)}\n\n{remarks(results)}\n\n{results.minutes:.1f} minutes")
    if date:
        _write(results, date)


if __name__ == "__main__":
    main()
