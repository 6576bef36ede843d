"""`make drill`: random jobs on real schedulers while a nemesis breaks things; a judge says whether all was kept.

Exit code 1 when a promise was broken; the story of each is printed (docs/reliability.md).
"""

import asyncio
import platform
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp

import click
import msgspec

from shared import logs
from tests.drill.checker import judge
from tests.drill.drill import Drill, run
from tests.drill.replicas import faketime
from tests.drill.report import Result, document, table
from tests.drill.site import CONFIGURATIONS
from tests.drill.stories import story

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
_STORIES = 5


async def one(drill: Drill, keep: Path | None) -> Result:
    """Run a drill, judge it, and tell how it went."""
    folder = Path(mkdtemp(prefix=f"leeward-drill-{drill.seed}-", dir=keep))
    try:
        evidence = await run(drill, folder)
        (folder / "evidence.json").write_bytes(msgspec.json.encode(evidence))
    finally:
        if keep is None:
            shutil.rmtree(folder)
    result = Result(drill=drill, evidence=evidence, verdict=judge(evidence))
    verdict = result.verdict
    said = "holds" if result.holds else f"BROKEN: {len(verdict.violations)} violations"
    click.echo(
        f"seed {drill.seed:<4}{drill.configuration.name:<20}{len(evidence.faults):>3} faults"
        f"{verdict.due:>7} due  recovery {verdict.recovery:4.1f} s  {said}",
        err=True,
    )
    for violation in verdict.violations[:_STORIES]:
        click.echo(f"seed {drill.seed}, {drill.configuration.name}: {story(evidence, violation)}", err=True)
    return result


async def everything(drills: list[Drill], together: int, keep: Path | None) -> list[Result]:
    """Run all drills, some of them at a time; results in order."""
    places = asyncio.Semaphore(together)

    async def in_turn(drill: Drill) -> Result:
        async with places:
            return await one(drill, keep)

    return list(await asyncio.gather(*map(in_turn, drills)))


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=2, show_default=True, help="Seeds per configuration.")
@click.option("--first", type=int, default=1, show_default=True, help="The first seed; with --seeds 1 just this one.")
@click.option("--on", multiple=True, help="Configurations, by part of their name; default: all.")
@click.option("--faults", type=click.IntRange(min=0), default=8, show_default=True, help="Faults a drill.")
@click.option("--span", type=float, default=18.0, show_default=True, help="Seconds in which the faults begin.")
@click.option("--jobs", type=click.IntRange(min=2), default=60, show_default=True, help="Jobs a drill.")
@click.option("--lease", type=click.IntRange(min=3), default=3, show_default=True, help="LEEWARD_LEASE_SECONDS.")
@click.option("--together", type=click.IntRange(min=1), default=1, show_default=True, help="Drills at a time.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep logs and databases below this folder.")
@click.option("--write", is_flag=True, help="Put the table into docs/reliability.md.")
def main(
    *,
    seeds: int,
    first: int,
    on: tuple[str, ...],
    faults: int,
    span: float,
    jobs: int,
    lease: int,
    together: int,
    keep: Path | None,
    write: bool,
) -> None:
    """Drill the scheduler: about 50 seconds a seed and configuration."""
    logs.configure(level="ERROR")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    chosen = [each for each in CONFIGURATIONS if not on or any(part.lower() in each.name.lower() for part in on)]
    drills = [
        Drill(seed=seed, configuration=configuration, faults=faults, span=span, jobs=jobs, lease=lease)
        for configuration in chosen
        for seed in range(first, first + seeds)
    ]
    if faketime() is None:
        click.echo("No libfaketime: clocks are not skewed. Install it: apt-get install faketime", err=True)
    results = asyncio.run(everything(drills, together, keep))
    click.echo(table(results))
    if write:
        DOCUMENT.write_text(document(DOCUMENT.read_text(), results, _setting(lease)))
    sys.exit(not all(result.holds for result in results))


def _setting(lease: int) -> str:
    return f"Python {platform.python_version()}, a lease of {lease} s, everything on one machine"


if __name__ == "__main__":
    main()
