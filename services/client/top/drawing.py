"""Draws the board of `leeward top` for a terminal of any size."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.client.output import Column, Row
from services.client.top.board import Board, Pane, PaneName
from services.client.top.columns import COLUMNS, word_style

_AROUND = 2
"""Lines of a pane that are no rows: its title and the names of its columns."""
_EDGE = 2
"""Lines of the screen that no pane has: the head and the keys."""
KEYS = "q quit   p pause   s sort   tab pane   ↑↓ scroll"


def rooms(board: Board, height: int) -> Mapping[PaneName, int]:
    """Return how many rows each pane shows: hosts and events what they need of a third each, jobs the rest.

    A screen too low for all three has the one that keys are about.
    """
    left = height - _EDGE - len(PaneName) * _AROUND
    if left < len(PaneName):
        return {board.focus: max(1, height - _EDGE - _AROUND)}
    hosts = min(len(board.panes[PaneName.HOSTS].rows), max(1, left // 3)) or 1
    events = min(len(board.panes[PaneName.EVENTS].rows), max(1, left // 4)) or 1
    return {PaneName.HOSTS: hosts, PaneName.EVENTS: events, PaneName.JOBS: left - hosts - events}


def draw(board: Board, url: str, now: datetime, height: int) -> RenderableType:
    """Return the whole screen."""
    shown = rooms(board, height)
    parts = [_pane(board.panes[name], room, focused=name is board.focus) for name, room in shown.items()]
    return Group(_head(board, url, now), *parts, _line(KEYS, "dim"))


def _head(board: Board, url: str, now: datetime) -> Text:
    held = sum(row.get("held") or 0 for row in board.panes[PaneName.HOSTS].rows)
    active = sum(row.get("outcome") == "active" for row in board.panes[PaneName.EVENTS].rows)
    counts = [f"{len(board.panes[name].rows)} {name}" for name in (PaneName.HOSTS, PaneName.JOBS)]
    told = f"{', '.join(counts)}, {active} active events, {held} held"
    time = f"{now.astimezone():%H:%M:%S}"
    if board.trouble:
        return _line(f"{time}  OLD: {board.trouble}  {told}", "bold red")
    if board.is_paused:
        return _line(f"{time}  PAUSED  {url}  {told}", "bold yellow")
    return _line(f"{time}  {url}  {told}", "bold")


def _pane(pane: Pane, room: int, *, focused: bool) -> RenderableType:
    pane.scroll(0, room)
    rows = pane.sorted()[pane.first : pane.first + room]
    place = f"{pane.first + 1}-{pane.first + len(rows)} of {len(pane.rows)}" if rows else "none"
    title = f"{'▶' if focused else ' '} {pane.name.value.upper()}  {place}, by {pane.sort.name}"
    # Filled up, so that nothing below moves when rows come and go.
    filling = [Text("")] * (room - len(rows))
    return Group(_line(title, "reverse" if focused else "bold"), _table(pane.name, rows), *filling)


def _table(name: PaneName, rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    *columns, last = COLUMNS[name]
    for column in columns:
        table.add_column(column.title, no_wrap=True, overflow="ellipsis", min_width=_width(column, rows))
    table.add_column(last.title, no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        table.add_row(*(Text(column.cell(row), style=word_style(column, row)) for column in COLUMNS[name]))
    return table


def _width(column: Column, rows: Sequence[Row]) -> int | None:
    """Return how wide a column must be that is never cut; None for others."""
    return max(len(column.cell(row)) for row in rows) if column.whole and rows else None


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
