"""The graphs of a drawn dashboard: lines and bars, heat maps, bands of states."""

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tests.dashboards.ink import CARD, GRID, INK, PALE, PALETTE
from tests.dashboards.pictures import Curve, Pane, Picture
from tests.dashboards.units import written

_LETTER, _MARK = 0.054, 0.36
"""Inches that a letter of a legend takes, and what stands before and between names."""


def draw_lines(axes: Axes, pane: Pane, picture: Picture) -> None:
    """Draw lines, areas or stacked bars, and exemplars as dots."""
    _ready(axes, pane, picture)
    curves = [curve for curve in pane.curves if any(value for _, value in curve.points)]
    grounds: dict[float, float] = {}
    for number, curve in enumerate(curves):
        colour = pane.colours.get(curve.name, PALETTE[number % len(PALETTE)])
        if pane.stacked:
            _stack(axes, pane, curve, colour, grounds)
        else:
            xs, ys = zip(*curve.points, strict=True)
            axes.plot(xs, ys, color=colour, linewidth=1.6, label=curve.name)
    _scale(axes, pane, drawn=bool(curves))
    if pane.dots:
        xs, ys = zip(*pane.dots, strict=True)
        axes.scatter(xs, ys, s=9, color=INK, marker="D", linewidth=0, alpha=0.45)
    _legend(axes, [curve.name for curve in curves] or sorted({curve.name for curve in pane.curves}))


def _stack(axes: Axes, pane: Pane, curve: Curve, colour: str, grounds: dict[float, float]) -> None:
    xs = [x for x, _ in curve.points]
    low = [grounds.get(x, 0.0) for x in xs]
    high = [ground + value for ground, (_, value) in zip(low, curve.points, strict=True)]
    grounds.update(zip(xs, high, strict=True))
    if pane.bars:
        width = min((b - a for a, b in pairwise(xs)), default=1.0)
        heights = [value for _, value in curve.points]
        axes.bar(xs, heights, width, bottom=low, color=colour, alpha=0.85, linewidth=0, label=curve.name)
    else:
        axes.fill_between(xs, low, high, step="post", color=colour, alpha=0.45, linewidth=0, label=curve.name)
        edge = [top if value else float("nan") for top, (_, value) in zip(high, curve.points, strict=True)]
        axes.step(xs, edge, where="post", color=colour, linewidth=1.2)


def _scale(axes: Axes, pane: Pane, *, drawn: bool) -> None:
    """Begin at 0, end above what is drawn, and show the thresholds that are near."""
    bounds = [(bound, colour) for bound, colour in pane.steps if bound is not None and pane.bounded]
    lowest = min((bound for bound, _ in bounds), default=1 / 1.5)
    top = axes.get_ylim()[1] * 1.05 if drawn else lowest * 1.5
    for bound, colour in bounds:
        if bound <= top * 3:
            axes.axhline(bound, color=colour, linestyle=(0, (5, 4)), linewidth=1)
            top = max(top, bound * 1.1)
    axes.set_ylim(0, top)


def draw_heat(axes: Axes, pane: Pane, picture: Picture) -> None:
    """Draw how much of a histogram fell where; `le` of a bucket is its upper bound, what is below is taken off."""
    _ready(axes, pane, picture)
    buckets = sorted(pane.curves, key=lambda curve: float(curve.name))
    bounds = [float(curve.name) for curve in buckets]
    below: dict[float, float] = {}
    cells: list[list[float]] = []
    xs = sorted({x for curve in buckets for x, _ in curve.points})
    for curve in buckets:
        values = dict(curve.points)
        cells.append([max(values.get(x, 0.0) - below.get(x, 0.0), 0.0) or float("nan") for x in xs])
        below = values
    mesh = axes.pcolormesh(xs, range(len(buckets)), cells, cmap="cividis_r", shading="nearest", rasterized=True)
    mesh.set_clim(0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda at, _: _bound(bounds, at, pane.unit)))
    axes.set_ylim(-0.5, len(buckets) - 0.5)


def _bound(bounds: Sequence[float], at: float, unit: str) -> str:
    if not 0 <= at < len(bounds):
        return ""
    return "∞" if bounds[int(at)] == float("inf") else written(bounds[int(at)], unit)


def draw_states(axes: Axes, pane: Pane, picture: Picture) -> None:
    """Draw a band for each series, coloured by what its values mean."""
    _ready(axes, pane, picture)
    axes.grid(visible=False)
    for line, curve in enumerate(reversed(pane.curves)):
        step = min((b[0] - a[0] for a, b in pairwise(curve.points)), default=1.0)
        for x, value in curve.points:
            colour = pane.words.get(f"{value:.0f}", ("", GRID))[1]
            axes.barh(line, step * 1.05, left=x, height=0.7, color=colour, linewidth=0)
    axes.set_yticks([])
    for line, curve in enumerate(reversed(pane.curves)):
        axes.text(picture.seconds * 0.01, line, curve.name, color="white", fontsize=8, va="center")
    for text, colour in dict.fromkeys(pane.words.values()):
        axes.bar(0, 0, color=colour, label=text)
    _legend(axes, [text for text, _ in pane.words.values()])


def _ready(axes: Axes, pane: Pane, picture: Picture) -> None:
    axes.set_facecolor(CARD)
    axes.set_xlim(0, picture.seconds)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=PALE, labelsize=8, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 3, 6, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{int(at) // 60}:{int(at) % 60:02}"))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, pane.unit)))
    for side in axes.spines.values():
        side.set_visible(False)
    for mark in picture.marks:
        axes.axvspan(mark.start, max(mark.end, mark.start + 0.5), color=mark.colour, alpha=0.13, linewidth=0)


def _legend(axes: Axes, names: Sequence[str]) -> None:
    handles, found = axes.get_legend_handles_labels()
    known = dict(zip(found, handles, strict=True))
    for name in names:
        known.setdefault(name, axes.plot([], [], color=GRID)[0])
    unique = list(dict.fromkeys(name for name in names if name))
    inches = axes.get_window_extent().width / axes.figure.dpi
    columns = max(1, int(inches / (_MARK + max(map(len, unique), default=1) * _LETTER)))
    shown = unique[: 2 * columns]
    axes.legend(
        [known[name] for name in shown],
        shown,
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.1),
        ncols=min(columns, max(len(shown), 1)),
        frameon=False,
        fontsize=7.5,
        labelcolor=INK,
        handlelength=1.2,
        columnspacing=1.2,
    )
