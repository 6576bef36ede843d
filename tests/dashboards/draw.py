"""Draws dashboards as PNG files; runs in the environment of the benchmark's peers, which has what draws.

`python -m tests.dashboards.draw PICTURES FOLDER`: PICTURES is a file with a JSON array. Panels stand where they do in
Grafana's grid. It is no Grafana: what is proven is the queries, and that their answers make a readable page.
"""

import sys
from pathlib import Path
from typing import Final

import matplotlib
import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from tests.dashboards.ink import CARD, GRID, INK, PALE, PAPER
from tests.dashboards.pictures import Pane, Picture
from tests.dashboards.plots import draw_heat, draw_lines, draw_states
from tests.dashboards.units import written

_COLUMNS: Final = 24
_WIDTH: Final = 16.0
_ROW: Final = 0.36
"""Inches of one row of the grid."""
_HEAD: Final = 0.62
_GAP: Final = 0.06
_DPI: Final = 100


class Sheet:
    """A page in inches from its upper left corner, as Grafana counts its grid."""

    def __init__(self, picture: Picture) -> None:
        self.height = _HEAD + _ROW * max(pane.y + pane.h for pane in picture.panes) + 0.1
        self.figure = Figure(figsize=(_WIDTH, self.height), facecolor=PAPER, dpi=_DPI)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return axes at a place."""
        low = (self.height - top - height) / self.height
        return self.figure.add_axes((left / _WIDTH, low, width / _WIDTH, height / self.height))

    def text(self, left: float, top: float, text: str, **looks: object) -> None:
        """Write at a place."""
        self.figure.text(left / _WIDTH, 1 - top / self.height, text, **{"color": INK, **looks})

    def card(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Lay the ground of a panel."""
        corner = (left / _WIDTH, 1 - (top + height) / self.height)
        size = (width / _WIDTH, height / self.height)
        ground = FancyBboxPatch(
            corner,
            *size,
            boxstyle="round,pad=0,rounding_size=0.003",
            mutation_aspect=_WIDTH / self.height,
            facecolor=colour,
            edgecolor=GRID,
            zorder=-1,  # axes are at 0
        )
        self.figure.add_artist(ground)


def draw(picture: Picture, folder: Path) -> None:
    """Write one dashboard."""
    sheet = Sheet(picture)
    sheet.text(0.2, 0.4, picture.title, fontsize=17, fontweight="bold")
    minutes = f"{picture.seconds / 60:.0f} minutes of a rehearsal"
    sheet.text(
        _WIDTH - 0.2, 0.4, f"drawn from the dashboard's queries, not by Grafana · {minutes}", ha="right", color=PALE
    )
    for pane in picture.panes:
        _draw_pane(sheet, pane, picture)
    file = folder / f"{picture.file}.png"
    sheet.figure.savefig(file, metadata={"Software": None}, pil_kwargs={"optimize": True})


def _draw_pane(sheet: Sheet, pane: Pane, picture: Picture) -> None:
    column = _WIDTH / _COLUMNS
    left, top = pane.x * column + _GAP, _HEAD + pane.y * _ROW + _GAP
    width, height = pane.w * column - 2 * _GAP, pane.h * _ROW - 2 * _GAP
    if pane.kind == "row":
        sheet.text(left + 0.12, top + 0.2, f"▾  {pane.title}", fontsize=11, fontweight="bold")
    elif pane.kind == "stat":
        _draw_figure(sheet, pane, (left, top, width, height))
    else:
        sheet.card(left, top, width, height, CARD)
        sheet.text(left + 0.12, top + 0.22, pane.title, fontsize=10)
        if pane.kind == "table":
            _draw_table(sheet, pane, (left, top + 0.35, width))
        else:
            axes = sheet.axes(left + 0.62, top + 0.36, width - 0.76, height - 0.94)
            {"heatmap": draw_heat, "state-timeline": draw_states}.get(pane.kind, draw_lines)(axes, pane, picture)


def _draw_figure(sheet: Sheet, pane: Pane, place: tuple[float, float, float, float]) -> None:
    left, top, width, height = place
    curves = [curve for curve in pane.curves if curve.points]
    worst = max((curve.points[-1][1] for curve in curves), default=0.0)
    sheet.card(left, top, width, height, _step(pane, worst))
    sheet.text(left + 0.12, top + 0.22, pane.title, fontsize=9.5, color="white")
    share = width / max(len(curves), 1)
    for number, curve in enumerate(curves):
        value = curve.points[-1][1]
        said = pane.words.get(f"{value:.0f}", (written(value, pane.unit), ""))[0]
        middle = left + share * (number + 0.5)
        sheet.text(middle, top + height * 0.66, said, fontsize=20, color="white", ha="center", va="center")
        if len(curves) > 1:
            sheet.text(middle, top + height - 0.1, curve.name, fontsize=8, color="white", ha="center")


def _step(pane: Pane, value: float) -> str:
    colour = GRID
    for bound, step in pane.steps:
        if bound is None or value >= bound:
            colour = step
    return colour


def _draw_table(sheet: Sheet, pane: Pane, place: tuple[float, float, float]) -> None:
    left, top, width = place
    if not pane.table:
        return
    share = (width - 0.24) / len(pane.table[0])
    texts = len(pane.table[0]) - len(pane.units)
    for line, row in enumerate(pane.table):
        for column, cell in enumerate(row):
            told = written(cell, pane.units[column - texts]) if isinstance(cell, float) else str(cell)
            looks = {
                "fontsize": 9,
                "color": PALE if line == 0 else INK,
                "fontweight": "bold" if line == 0 else "normal",
            }
            sheet.text(left + 0.12 + share * column, top + 0.25 + 0.27 * line, told, **looks)


def main() -> None:
    """Draw every picture of a file."""
    matplotlib.rcParams.update({"font.family": "sans-serif", "font.size": 9})
    pictures, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for picture in msgspec.json.decode(pictures.read_bytes(), type=list[Picture]):
        draw(picture, folder)


if __name__ == "__main__":
    main()
