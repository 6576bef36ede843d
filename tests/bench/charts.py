"""A chart as data, on its way from the results to the program that draws it."""

from enum import StrEnum

import msgspec


class Scale(StrEnum):
    """How an axis counts."""

    LINEAR = "linear"
    LOG = "log"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A contestant's points, in order of x."""

    name: str
    points: list[tuple[float, float]]


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Axes with lines; `even` adds the line on which y equals x."""

    title: str
    x: str
    y: str
    lines: list[Line]
    x_scale: Scale = Scale.LOG
    y_scale: Scale = Scale.LINEAR
    even: bool = False


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One picture; `file` is its name without the ending, `told` what it shows, for those who cannot see it."""

    file: str
    told: str
    panels: list[Panel]
