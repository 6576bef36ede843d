"""What commands print: tables for people, names for shells, JSON and YAML for programs."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from services.client.forms import Format

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["Column", "Format", "Row", "field", "name_of", "say", "show_document", "show_rows", "text_of"]

Row = dict[str, Any]
_LONGEST = 80
_NAMES = ("host", "eventId", "occurrenceId", "deleted", "removed", "key", "name")
"""Fields that name a document, the first that is there."""


class Column(msgspec.Struct, frozen=True):
    """One column of a table. Those that are `whole` (names, ids) are never cut or wrapped, others from `most` on.

    `wide` ones are shown with `--output wide` only.
    """

    title: str
    value: Callable[[Row], object]
    whole: bool = False
    most: int = _LONGEST
    wide: bool = False

    def cell(self, row: Row) -> str:
        """Return the column's text for a row: one line, long ones cut (`--output json` has all of it)."""
        text = text_of(self.value(row))
        return text if self.whole or len(text) <= self.most else f"{text[: self.most - 1]}…"


def field(title: str, *names: str, whole: bool = False, most: int = _LONGEST, wide: bool = False) -> Column:
    """Return a column that shows the field at a path."""

    def value(row: Row) -> object:
        place: Any = row
        for name in names:
            place = place.get(name) if isinstance(place, dict) else None
        return place

    return Column(title, value, whole, most, wide)


def show_rows(rows: Sequence[Row], columns: Sequence[Column], shape: Format) -> None:
    """Print a list."""
    if not shape.is_for_people:
        show_document(list(rows), shape)
    elif not rows:
        click.echo("nothing found", err=True)
    elif sys.stdout.isatty():
        console().print(table_of(rows, shown(columns, shape)))
    else:
        for line in plain_lines(rows, shown(columns, shape)):
            click.echo(line)


def show_document(document: object, shape: Format) -> None:
    """Print one thing; people get YAML, which reads well."""
    if shape is Format.NAME:
        for one in document if isinstance(document, list) else [document]:
            click.echo(name_of(one))
    elif shape is Format.JSON:
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
    else:
        click.echo(yaml_of(document))


def say(sentence: str, document: object, shape: Format) -> None:
    """Print what was done: a sentence for people, the document for programs."""
    if shape.is_for_people:
        click.echo(sentence)
    else:
        show_document(document, shape)


def name_of(document: object) -> str:
    """Return what commands call a thing: COLLECTION/JOB, or its name or id."""
    if not isinstance(document, dict):
        return text_of(document)
    if "collection" in document and "name" in document:
        return f"{document['collection']}/{document['name']}"
    return next((str(document[name]) for name in _NAMES if name in document), "-")


def yaml_of(document: object) -> str:
    """Return a document as YAML, without a line end."""
    import yaml

    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip()


def shown(columns: Sequence[Column], shape: Format) -> list[Column]:
    """Return the columns that a form has."""
    return [column for column in columns if shape is Format.WIDE or not column.wide]


def text_of(value: object) -> str:
    """Return a cell's text on one line."""
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return " ".join(text.split())


def plain_lines(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[str]:
    """Yield a table as aligned text, for whatever is no terminal."""
    cells = [
        [column.title for column in columns],
        *([column.cell(row) for column in columns] for row in rows),
    ]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()


def table_of(rows: Sequence[Row], columns: Sequence[Column]) -> "Table":
    """Return a table for a terminal."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        cells = [column.cell(row) for row in rows]
        width = max(map(_width, (column.title, *cells)))
        table.add_column(column.title, no_wrap=column.whole, min_width=width if column.whole else None)
    for row in rows:
        table.add_row(*(column.cell(row) for column in columns))
    return table


def console(*, stderr: bool = False) -> "Console":
    """Return the terminal, as wide as it is now; NO_COLOR is respected."""
    from rich.console import Console

    width = shutil.get_terminal_size().columns
    return Console(width=width, markup=False, highlight=False, stderr=stderr)


def _width(text: str) -> int:
    """Return how many places a text takes: Chinese letters take two, accents that stand alone none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
