"""Where lists and documents are shown that go on changing: a terminal, or whatever reads the output."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import click
import msgspec

from services.client.forms import Format
from services.client.output import Column, Row, console, name_of, plain_lines, shown, table_of, yaml_of
from shared.clock import SystemClock

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

_AROUND = 3
"""Lines of a terminal that rows do not get: the head, what is left out, and the line below."""


class View(Protocol):
    """Where rows are shown."""

    def show(self, rows: Sequence[Row]) -> None:
        """Show how it is now."""

    def complain(self, why: str) -> None:
        """Say that what is shown may be old."""


@contextmanager
def view_of(columns: Sequence[Column] | None, shape: Format) -> Iterator[View]:
    """Give the view for this output; without columns rows are one document."""
    if not shape.is_for_people:
        yield _Records(shape, single=columns is None)
    elif not sys.stdout.isatty():
        yield _Lines(None if columns is None else shown(columns, shape))
    else:
        from rich.live import Live

        # Drawn when something has changed, and over the old lines: nothing flickers.
        with Live(console=console(), auto_refresh=False, vertical_overflow="crop") as live:
            yield _Terminal(live, None if columns is None else shown(columns, shape), lambda: SystemClock().now())


class _Terminal:
    """Draws one view over and over."""

    def __init__(self, live: "Live", columns: Sequence[Column] | None, now: Callable[[], datetime]) -> None:
        self._live = live
        self._columns = columns
        self._now = now
        self._drawn: RenderableType = ""
        self._at = ""

    def show(self, rows: Sequence[Row]) -> None:
        """Draw what fits on the screen, and when it was so."""
        self._drawn = self._body(rows, self._live.console)
        self._at = f"{self._now().astimezone():%H:%M:%S}"
        self._draw(f"{self._at}  Ctrl-C ends")

    def complain(self, why: str) -> None:
        """Leave it, and say since when it may be old."""
        self._draw(f"as of {self._at}; {why}")

    def _draw(self, below: str) -> None:
        from rich.console import Group
        from rich.text import Text

        self._live.update(Group(self._drawn, Text(below, style="dim", overflow="ellipsis", no_wrap=True)), refresh=True)

    def _body(self, rows: Sequence[Row], terminal: "Console") -> "RenderableType":
        from rich.console import Group
        from rich.text import Text

        room = max(1, terminal.size.height - _AROUND)
        if self._columns is None:
            lines = [line for row in rows for line in yaml_of(row).splitlines()]
            return Text("\n".join(lines[:room]), overflow="ellipsis", no_wrap=True)
        if not rows:
            return Text("nothing found")
        table, left = table_of(rows[:room], self._columns), len(rows) - room
        return Group(table, Text(f"… and {left:,} more", style="dim")) if left > 0 else table


class _Lines:
    """Prints everything once, then what has changed, as lines that can be read in a log."""

    def __init__(self, columns: Sequence[Column] | None) -> None:
        self._columns = columns
        self._before: dict[bytes, Row] | None = None

    def show(self, rows: Sequence[Row]) -> None:
        """Print what is new or changed, and the names of what is gone."""
        now = {msgspec.json.encode(row): row for row in rows}
        before, self._before = self._before, now
        fresh = [row for key, row in now.items() if before is None or key not in before]
        if self._columns is None:
            for row in fresh:
                click.echo(("" if before is None else "---\n") + yaml_of(row))
        else:
            for line in list(plain_lines(fresh, self._columns))[0 if before is None else 1 :]:
                click.echo(line)
        there = {name_of(row) for row in rows}
        for name in sorted({name_of(row) for row in (before or {}).values() if _lasts(row)} - there):
            click.echo(f"{name}  gone")
        sys.stdout.flush()

    def complain(self, why: str) -> None:
        """Say it beside the output."""
        click.echo(why, err=True)


def _lasts(row: Row) -> bool:
    """Return whether a row is of something that is there until somebody takes it away: history only moves on."""
    return "name" in row or "condition" in row


class _Records:
    """Prints for programs: each time something has changed all of it, on one line of JSON or as one YAML document."""

    def __init__(self, shape: Format, *, single: bool) -> None:
        self._shape = shape
        self._single = single
        self._before = b""
        self._names: set[str] = set()

    def show(self, rows: Sequence[Row]) -> None:
        """Print it if it differs from what was printed last; of names, those that are new."""
        document = rows[0] if self._single and rows else list(rows)
        encoded = msgspec.json.encode(document)
        if self._shape is Format.NAME:
            names = [name for name in map(name_of, rows) if name not in self._names]
            self._names.update(names)
            click.echo("\n".join(names), nl=bool(names))
        elif encoded != self._before:
            click.echo(encoded.decode() if self._shape is Format.JSON else f"---\n{yaml_of(document)}")
        self._before = encoded
        sys.stdout.flush()

    def complain(self, why: str) -> None:
        """Say it beside the output."""
        click.echo(why, err=True)
