"""Draws charts as SVG files, the same bytes for the same data; runs in the peers' environment.

`python -m tests.bench.draw CHARTS FOLDER`: CHARTS is a file with a JSON array. A picture follows the reader's dark or
light mode, and stays readable where a viewer knows of no such thing.
"""

import sys
from pathlib import Path

import matplotlib
import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.bench.charts import Chart, Line, Panel, Scale

_PAPER, _INK, _GRID = "#fffffe", "#24292e", "#d0d7dd"
_STYLE = """<style>
:root { --paper: #ffffff; --ink: #24292f; --grid: #d8dee4; --loop: #24292f }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #c9d1d9; --grid: #30363d; --loop: #f0f6fc } }
text { font-family: system-ui, sans-serif }
</style>
"""
_LOOP = "#000001"
_VARIABLES = {_PAPER: "--paper", _INK: "--ink", _GRID: "--grid", _LOOP: "--loop"}
"""Colours that depend on the mode; a viewer without variables keeps the first declaration."""
_LOOKS = {
    # Okabe and Ito's palette, which colour-blind people can tell apart; dashes and markers tell as much.
    "loop": (_LOOP, "-", "o"),
    "APScheduler": ("#e69f00", "--", "s"),
    "Procrastinate": ("#cc79a7", "-.", "v"),
    "PgQueuer": ("#d55e00", ":", "D"),
    "SQLite": ("#009e73", "-", "^"),
    "PostgreSQL": ("#0072b2", "-", "P"),
    "2 replicas": ("#56b4e9", "--", "X"),
    "without": (_LOOP, "-", "o"),
    "defaults": ("#e69f00", "--", "s"),
    "auto": ("#cc79a7", "-.", "v"),
    "approved": ("#0072b2", "-", "P"),
    "auto, approved": ("#009e73", ":", "^"),
}
_WIDTH, _HEIGHT = 7.6, 3.6
_MARKED = 12
"""Lines with more points than that have no markers."""


def draw(chart: Chart, folder: Path) -> None:
    """Write one chart."""
    columns = min(len(chart.panels), 2)
    rows = -(-len(chart.panels) // columns)
    figure = Figure(figsize=(_WIDTH, _HEIGHT if rows == 1 else 5.2), layout="constrained", facecolor=_PAPER)
    for number, panel in enumerate(chart.panels, 1):
        _draw_panel(figure.add_subplot(rows, columns, number), panel)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, labelcolor=_INK, fontsize=9)
    file = folder / f"{chart.file}.svg"
    figure.savefig(file, metadata={"Date": None, "Creator": None, "Title": chart.told})
    file.write_text(_with_modes(file.read_text()))


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_facecolor(_PAPER)
    axes.set_xscale(panel.x_scale)
    axes.set_yscale(panel.y_scale)
    for line in panel.lines:
        _draw_line(axes, line)
    if panel.even:
        asked = sorted(x for line in panel.lines for x, _ in line.points)
        axes.plot(asked, asked, color=_GRID, linewidth=5, zorder=1)
    if panel.y_scale is Scale.LINEAR:
        axes.set_ylim(bottom=0, top=1.08 * max(y for line in panel.lines for _, y in line.points))
    if panel.x_scale is Scale.LINEAR:
        axes.set_xlim(left=0)
    axes.set_title(panel.title, color=_INK, fontsize=10, loc="left")
    axes.set_xlabel(panel.x, color=_INK, fontsize=9)
    axes.set_ylabel(panel.y, color=_INK, fontsize=9)
    _dress(axes)


def _draw_line(axes: Axes, line: Line) -> None:
    color, dashes, marker = _LOOKS[line.name]
    shown = marker if len(line.points) <= _MARKED else ""
    xs, ys = zip(*line.points, strict=True)
    axes.plot(xs, ys, label=line.name, color=color, linestyle=dashes, marker=shown, markersize=5, linewidth=1.7)


def _dress(axes: Axes) -> None:
    axes.grid(color=_GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=8, which="both", length=0)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_number))
        axis.set_minor_formatter(NullFormatter())
    for side in axes.spines.values():
        side.set_visible(False)


def _number(value: float, _: int | None) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def _with_modes(text: str) -> str:
    for color, name in _VARIABLES.items():
        for kind in ("fill", "stroke"):
            text = text.replace(f"{kind}: {color}", f"{kind}: {color}; {kind}: var({name})")
    before, found, after = text.partition("<defs>")
    return f"{before}{_STYLE}{found}{after}"


def main() -> None:
    """Draw every chart of a file."""
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "leeward", "font.family": "sans-serif"})
    charts, folder = Path(sys.argv[1]), Path(sys.argv[2])
    for chart in msgspec.json.decode(charts.read_bytes(), type=list[Chart]):
        draw(chart, folder)


if __name__ == "__main__":
    main()
