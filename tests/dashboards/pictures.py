"""A dashboard with its data, on its way to the program that draws it."""

from collections.abc import Mapping

import msgspec


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A series: its name, and (seconds since the start, value); what is not a number is left out."""

    name: str
    points: list[tuple[float, float]]


class Pane(msgspec.Struct, frozen=True, kw_only=True):
    """A panel: where it stands in Grafana's grid, what it shows, how.

    `dots` are exemplars; `steps` are thresholds from low to high; `words` the text and colour of values; `table` is a
    head and rows.
    """

    kind: str
    title: str
    x: int
    y: int
    w: int
    h: int
    unit: str = ""
    curves: list[Curve] = []
    dots: list[tuple[float, float]] = []
    colours: Mapping[str, str] = {}
    steps: list[tuple[float | None, str]] = []
    words: Mapping[str, tuple[str, str]] = {}
    table: list[list[str | float]] = []
    units: list[str] = []
    stacked: bool = False
    bars: bool = False
    bounded: bool = False


class Marked(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time that is marked on every graph."""

    start: float
    end: float
    colour: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One dashboard; `file` is its name without the ending, `seconds` the range that it shows."""

    file: str
    title: str
    seconds: float
    panes: list[Pane]
    marks: list[Marked]
