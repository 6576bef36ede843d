"""A dashboard's JSON as far as tests and previews read it: what Grafana is given, not what made it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Where a panel stands, in columns of 24 and rows."""

    x: int
    y: int
    w: int
    h: int


class Target(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One query; `instant` ones have one value a series."""

    expr: str
    ref_id: str
    legend_format: str = ""
    instant: bool = False
    exemplar: bool = False


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """From this value on, a colour; None: from the start."""

    value: float | None
    color: str


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """In order of their values."""

    steps: list[Threshold] = []


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown for a value."""

    text: str = ""
    color: str = ""


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """Texts by value."""

    options: Mapping[str, Word]


class Mode(msgspec.Struct, frozen=True, kw_only=True):
    """How something is drawn."""

    mode: str = ""


class Custom(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What only graphs have."""

    draw_style: str = "line"
    stacking: Mode = Mode()
    thresholds_style: Mode = Mode()


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """How values are shown."""

    unit: str = ""
    thresholds: Thresholds = Thresholds()
    mappings: list[Mapped] = []
    custom: Custom = Custom()
    links: list[Mapping[str, object]] = []


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for series of one name."""

    matcher: Mapping[str, str]
    properties: list[Mapping[str, object]]


class FieldConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How values are shown, and exceptions."""

    defaults: Defaults = Defaults()
    overrides: list[Override] = []


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to a table before it is shown."""

    id: str
    options: Mapping[str, Mapping[str, object]]


class PanelDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A panel, or a row's heading."""

    id: int
    type: str
    title: str
    grid_pos: Grid
    description: str = ""
    targets: list[Target] = []
    field_config: FieldConfig = FieldConfig()
    transformations: list[Step] = []

    def colours(self) -> dict[str, str]:
        """Return the colours of series by their names."""
        found = {}
        for override in self.field_config.overrides:
            for each in override.properties:
                value = each.get("value")
                if each["id"] == "color" and isinstance(value, dict):
                    found[override.matcher["options"]] = str(value["fixedColor"])
        return found


class Mark(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An annotation."""

    name: str
    expr: str
    icon_color: str
    title_format: str


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """All annotations."""

    list: list[Mark]


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable at the head; `query` is a kind of data source or a query for labels."""

    name: str
    type: str
    query: str | Mapping[str, object] = ""


class Variables(msgspec.Struct, frozen=True, kw_only=True):
    """All variables."""

    list: list[Variable]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One dashboard."""

    uid: str
    title: str
    panels: list[PanelDocument]
    annotations: Marks
    templating: Variables
    tags: list[str]

    def figures(self) -> Iterator[PanelDocument]:
        """Yield the panels that show something."""
        return (panel for panel in self.panels if panel.type != "row")


def read(file: Path) -> Document:
    """Return a dashboard from its file."""
    return msgspec.json.decode(file.read_bytes(), type=Document)
