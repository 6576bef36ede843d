"""The kinds of panels that the dashboards are made of, as data; `builders` says it in Grafana's words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

NO_COLOURS: Final[Mapping[str, str]] = MappingProxyType({})


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """An expression and the name of its series; `exemplars` asks for the traces behind it."""

    expr: str
    legend: str = "__auto"
    exemplars: bool = False


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """From which value on a figure is a warning, or bad; with `falling` it is so below them."""

    warning: float | None = None
    bad: float | None = None
    falling: bool = False


CALM: Final = Limits()


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where a click on a series leads."""

    title: str
    url: str


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """What every panel has: `told` is what it means and what to do, `alerts` what wakes somebody up.

    `width` counts in Grafana's grid of 24 columns, `height` in its rows; `unit` is one of Grafana's.
    """

    title: str
    told: str
    unit: str = "short"
    width: int = 12
    height: int = 8
    alerts: tuple[str, ...] = ()
    queries: tuple[Query, ...] = ()


class Figure(Panel, frozen=True, kw_only=True):
    """A big number, or several; `words` are shown instead of values, `spark` draws what was before behind it."""

    limits: Limits = CALM
    words: Mapping[str, str] = NO_COLOURS
    spark: bool = True


class Lines(Panel, frozen=True, kw_only=True):
    """A graph over time; `limits` are drawn as dashed lines, `bars` are stacked."""

    colours: Mapping[str, str] = NO_COLOURS
    stacked: bool = False
    bars: bool = False
    limits: Limits = CALM
    links: tuple[Link, ...] = ()


class Heat(Panel, frozen=True, kw_only=True):
    """How many of a histogram's values fell where, over time; `unit` is that of the buckets."""

    links: tuple[Link, ...] = ()


class States(Panel, frozen=True, kw_only=True):
    """Bands over time; `words` are the text and the colour of each value."""

    words: Mapping[str, tuple[str, str]]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a table: what it holds, what it is called, its unit."""

    name: str
    expr: str
    unit: str = "short"


class Table(Panel, frozen=True, kw_only=True):
    """A row for each value of the label `key`; `more` are labels that are shown beside it."""

    key: str
    columns: tuple[Column, ...]
    more: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A heading, and panels that fill one or more lines of the grid."""

    title: str
    panels: tuple[Panel, ...]


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """One dashboard; `since` is the range that it opens with."""

    uid: str
    title: str
    told: str
    since: str
    rows: tuple[Row, ...]

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.uid.removeprefix('leeward-')}.json"
