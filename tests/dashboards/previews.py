"""Draws the dashboards without Grafana: `python -m tests.dashboards.previews` writes docs/images/dashboard-*.png.

For a few minutes a real site lives through events that have seconds of notice instead of minutes; a real Prometheus is
then asked what the panels ask. The drawing is done in the environment of the benchmark's peers, which has what draws.
"""

import asyncio
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from tests.bench.environment import programs
from tests.dashboards.__main__ import BOARDS, FOLDER
from tests.dashboards.asking import Shown
from tests.dashboards.developing import developed
from tests.dashboards.document import read
from tests.dashboards.pictures import Picture
from tests.dashboards.story import VARIABLES, a_day, staged

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_POINTS = 300


async def _shown(folder: Path) -> list[Picture]:
    async with staged(folder) as stage:
        await a_day(stage)
        end = datetime.now(UTC)
        step = max((end - stage.since) / _POINTS, timedelta(seconds=1))
        rate = timedelta(seconds=10)
        shown = Shown(variables=VARIABLES, start=stage.since, end=end, step=step, rate_interval=rate)
        return [await developed(stage.prometheus, read(FOLDER / board.file), shown) for board in BOARDS]


def main() -> None:
    """Live through the story, ask, draw."""
    python = programs() / "python"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        click.echo("A site lives through some minutes of weather ...", err=True)
        pictures = asyncio.run(_shown(folder))
        file = folder / "pictures.json"
        file.write_bytes(msgspec.json.encode(pictures))
        subprocess.run([python, "-m", "tests.dashboards.draw", file, IMAGES], check=True)


if __name__ == "__main__":
    main()
