"""How far a backup or a restore is, on a terminal; nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from services.operations.backup.writing import Report


@contextmanager
def shown(doing: str, totals: Mapping[str, int] | None = None) -> Iterator[Report]:
    """Give what is told of progress; `totals` are the rows of each table, where they are known beforehand."""
    if not sys.stderr.isatty():
        yield lambda _table, _rows: None
        return
    known = (BarColumn(),) if totals is not None else ()
    columns = (TextColumn("{task.description}"), *known, TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Lines(progress, doing, totals or {})


class _Lines:
    """A line for each table."""

    def __init__(self, progress: Progress, doing: str, totals: Mapping[str, int]) -> None:
        self._progress = progress
        self._doing = doing
        self._totals = totals
        self._tasks: dict[str, Callable[[int], None]] = {}

    def __call__(self, table: str, rows: int) -> None:
        """Show how many rows of a table are done."""
        if table not in self._tasks:
            task = self._progress.add_task(f"{self._doing} {table}", total=self._totals.get(table))
            self._tasks[table] = lambda done: self._progress.update(task, completed=done)
        self._tasks[table](rows)
