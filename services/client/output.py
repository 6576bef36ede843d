"""What commands print: tables for people, JSON and YAML for programs."""

import shutil
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

import click
import msgspec
import yaml
from rich.console import Console
from rich.table import Table

Row = dict[str, Any]
_LONGEST = 80


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


class Column(msgspec.Struct, frozen=True):
    """One column of a table. Those that are `whole` (names, ids) are never cut or wrapped, others from `most` on."""

    title: str
    value: Callable[[Row], object]
    whole: bool = False
    most: int = _LONGEST

    def cell(self, row: Row) -> str:
        """Return the column's text for a row: one line, long ones cut (`--output json` has all of it)."""
        text = text_of(self.value(row))
        return text if self.whole or len(text) <= self.most else f"{text[: self.most - 1]}…"


def field(title: str, *names: str, whole: bool = False, most: int = _LONGEST) -> Column:
    """Return a column that shows the field at a path."""

    def value(row: Row) -> object:
        place: Any = row
        for name in names:
            place = place.get(name) if isinstance(place, dict) else None
        return place

    return Column(title, value, whole, most)


def show_rows(rows: Sequence[Row], columns: Sequence[Column], shape: Format) -> None:
    """Print a list."""
    if shape is not Format.TABLE:
        show_document(list(rows), shape)
    elif not rows:
        click.echo("nothing found", err=True)
    elif sys.stdout.isatty():
        _show_table(rows, columns)
    else:
        _show_plain(rows, columns)


def show_document(document: object, shape: Format) -> None:
    """Print one thing; people get YAML, which reads well."""
    if shape is Format.JSON:
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))
    else:
        click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


def say(sentence: str, document: object, shape: Format) -> None:
    """Print what was done: a sentence for people, the document for programs."""
    if shape is Format.TABLE:
        click.echo(sentence)
    else:
        show_document(document, shape)


def text_of(value: object) -> str:
    """Return a cell's text on one line."""
    if value is None or value == "" or value == []:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return " ".join(text.split())


def _show_plain(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    cells = [
        [column.title for column in columns],
        *([column.cell(row) for column in columns] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _show_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        cells = [column.cell(row) for row in rows]
        width = max(map(len, (column.title, *cells)))
        table.add_column(column.title, no_wrap=column.whole, min_width=width if column.whole else None)
    for row in rows:
        table.add_row(*(column.cell(row) for column in columns))
    Console(width=shutil.get_terminal_size().columns, markup=False, highlight=False).print(table)
