"""`python -m tests.simulation.day --seeds 1-20`: whole days of events; exit code 1 when anything was wrong."""

import asyncio
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click

from shared import logs
from tests.simulation.day.day import Day, Plan, live


def one(plan: Plan, seed: int) -> Day:
    """Live through a day in this process."""
    logs.configure(level="CRITICAL")
    return asyncio.run(live(plan, seed))


def told(day: Day) -> str:
    """Return a day in a few lines."""
    parts = {
        "brought": day.done,
        "read": day.readings,
        "occurrences": day.fates,
        "on the way": day.on_the_way,
    }
    lines = [
        f"  {name}: {', '.join(f'{count} {what}' for what, count in sorted(what.items()))}"
        for name, what in parts.items()
    ]
    title = f"day {day.seed} ({day.variant}): {day.lives} lives of watchers, {day.approvals} StartRequests"
    return "\n".join((title, *lines, *(f"  FAULT {fault}" for fault in day.faults)))


def _seeds(_context: click.Context, _option: click.Parameter, value: str) -> range:
    first, _, last = value.partition("-")
    return range(int(first), int(last or first) + 1)


@click.command()
@click.option("--seeds", callback=_seeds, default="1-6", show_default=True, help="Which days: one, or from-to.")
@click.option("--events", type=click.IntRange(min=1), default=Plan().events, show_default=True, help="Events a day.")
@click.option("--troubles", type=click.IntRange(min=0), default=Plan().troubles, show_default=True, help="Troubles.")
@click.option("--together", type=click.IntRange(min=1), default=2, show_default=True, help="Days at a time.")
def main(*, seeds: range, events: int, troubles: int, together: int) -> None:
    """Live through days of random events and troubles, and say what should never have happened."""
    with ProcessPoolExecutor(together) as processes:
        faults = 0
        for day in processes.map(partial(one, Plan(events=events, troubles=troubles)), seeds):
            click.echo(told(day))
            faults += len(day.faults)
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
