"""How fast this machine writes jobs, claims what is due, records outcomes and steps through rules.

`python -m tests.bench.stores`. Rates differ between machines and minutes; compare the lines of one run with each other.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.domain.timetable import timetable
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from tests.parts.postgres import Postgres
from tests.parts.stored import NOW, claim, draft, finished, put_collection, register

BATCH = 500
STEPS = 20_000
RULES = {
    "every 7 minutes": Recurrence(frequency=Frequency.MINUTE, interval=7),
    "daily, Berlin": Recurrence(frequency=Frequency.DAY, time_zone="Europe/Berlin", schedule=Schedule(hours=(2, 14))),
    "first Sunday": Recurrence(
        frequency=Frequency.MONTH,
        schedule=Schedule(monthly_occurrences=(MonthlyOccurrence(day=Weekday.SUNDAY, occurrence=1),)),
    ),
    "cron 0 5 * * MON": Recurrence(cron="0 5 * * MON"),
}


@contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    """Print how many per second the block did."""
    began = time.perf_counter()
    yield
    click.echo(f"  {what:<28}{count / (time.perf_counter() - began):>12,.0f} /s")


async def measure_store(name: str, url: str, jobs: int) -> None:
    """Write jobs, then claim and settle each one's occurrence, in the batches that dispatch uses."""
    click.echo(f"store: {name}, {jobs:,} jobs")
    async with open_store(url) as store:
        collection = await put_collection(store)
        with timed("jobs written", jobs):
            await store.put_jobs(collection.id, [draft(f"job-{number}") for number in range(jobs)], NOW)
        await _dispatch(store, jobs)


async def _dispatch(store: Store, jobs: int) -> None:
    owner = await register(store)
    claims = []
    with timed("occurrences claimed", jobs):
        while batch := await claim(store, owner, limit=BATCH):
            claims += batch
    assert len(claims) == jobs
    with timed("outcomes recorded", jobs):
        for start in range(0, jobs, BATCH):
            await store.settle(owner, [finished(each) for each in claims[start : start + BATCH]])


def measure_rules() -> None:
    """Step through each rule from due instant to due instant."""
    click.echo("recurrence: due instants found one after the other")
    for name, rule in RULES.items():
        table = timetable(rule, NOW, NOW)
        with timed(name, STEPS):
            _walk(table.next_after)


def _walk(next_after: Callable[..., object]) -> None:
    due: object = NOW
    for _ in range(STEPS):
        due = next_after(due) or NOW


@click.command()
@click.option("--jobs", type=click.IntRange(min=1), default=10_000, show_default=True, help="Jobs per store.")
def main(jobs: int) -> None:
    """Measure the stores and the recurrence engine on this machine."""
    measure_rules()
    with TemporaryDirectory() as folder:
        asyncio.run(measure_store("memory", "memory://", jobs))
        asyncio.run(measure_store("SQLite", f"sqlite:///{Path(folder) / 'bench.db'}", jobs))
    with Postgres() as server:
        asyncio.run(measure_store("PostgreSQL (fsync off)", asyncio.run(server.new_database()), jobs))


if __name__ == "__main__":
    main()
