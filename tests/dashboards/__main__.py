"""Writes Grafana's dashboards: `python -m tests.dashboards` puts them where kustomize finds them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.dashboards.board import rendered
from tests.dashboards.dispatch import DISPATCH
from tests.dashboards.fleet_weather import FLEET_WEATHER
from tests.dashboards.watching import WATCHING

FOLDER: Final = Path(__file__).parents[2] / "k8s" / "components" / "grafana-dashboards"
BOARDS: Final = (FLEET_WEATHER, DISPATCH, WATCHING)
"""In order of reading."""


def files() -> Mapping[str, str]:
    """Return what each file in the folder should hold."""
    return {board.file: rendered(board) for board in BOARDS}


def main() -> None:
    """Write every dashboard anew."""
    for name, text in files().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
