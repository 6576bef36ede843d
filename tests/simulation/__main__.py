"""`make simulate`: a fleet through a rolling update of the platform, under several policies, in accelerated time.

Exit code 1 when something happened that never should: the first cases are printed (docs/maintenance.md).
"""

import asyncio
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from shared import logs
from tests.bench.environment import ROOT, programs
from tests.simulation.figures import Figures, figures
from tests.simulation.report import charts, document, section, table
from tests.simulation.simulation import simulate
from tests.simulation.variants import VARIANTS, Variant
from tests.simulation.world import Size

DOCUMENT = ROOT / "docs" / "maintenance.md"
IMAGES = ROOT / "docs" / "images"


def one(variant: Variant, size: Size, seed: int) -> Figures:
    """Run a variant in this process."""
    logs.configure(level="CRITICAL")
    found = figures(asyncio.run(simulate(variant, size, seed)))
    click.echo(f"  {found.name:<16}{found.due:,} due, {found.failed:,} failed, {len(found.faults)} faults", err=True)
    return found


def _write(found: list[Figures], size: Size, seed: int) -> None:
    """Put the table and the pictures into the document."""
    with TemporaryDirectory() as folder:
        data = Path(folder) / "charts.json"
        data.write_bytes(msgspec.json.encode(charts(found)))
        subprocess.run((programs() / "python", "-m", "tests.bench.draw", data, IMAGES), check=True, cwd=ROOT)
    DOCUMENT.write_text(document(DOCUMENT.read_text(), section(found, size, seed)))


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="What everything random is drawn from.")
@click.option("--jobs", type=click.IntRange(min=1), default=Size().jobs, show_default=True, help="Jobs.")
@click.option("--groups", type=click.IntRange(min=2), default=Size().groups, show_default=True, help="Scale sets.")
@click.option("--only", multiple=True, help="Variants, by name; default: all.")
@click.option("--together", type=click.IntRange(min=1), default=2, show_default=True, help="Variants at a time.")
@click.option("--write", is_flag=True, help="Put what comes out into docs/maintenance.md.")
def main(*, seed: int, jobs: int, groups: int, only: tuple[str, ...], together: int, write: bool) -> None:
    """Simulate a rolling update of the platform: a few minutes on two cores."""
    size = Size(jobs=jobs, groups=groups)
    chosen = [variant for variant in VARIANTS if not only or variant.name in only]
    if write and len(chosen) < len(VARIANTS):
        raise click.UsageError("only a whole simulation goes into the document: --write without --only")
    with ProcessPoolExecutor(together) as processes:
        found = list(processes.map(one, chosen, [size] * len(chosen), [seed] * len(chosen)))
    click.echo(table(found))
    for each in found:
        for fault in each.faults:
            click.echo(f"{each.name}: {fault}", err=True)
    if write:
        _write(found, size, seed)
    sys.exit(any(each.faults for each in found))


if __name__ == "__main__":
    main()
