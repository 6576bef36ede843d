"""How far long work is: one bar on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.client.output import console

if TYPE_CHECKING:
    from rich.progress import Progress

Advance = Callable[[int], None]
Report = Callable[[str, int], None]


@contextmanager
def bar(doing: str, total: int | None, *, unit: str, when: bool = True) -> Iterator[Advance]:
    """Give what is told how many more are done; `total` None: nobody knows how many there are."""
    if not when or not sys.stderr.isatty():
        yield lambda _amount: None
        return
    with _bars(unit, known=total is not None) as shown:
        task = shown.add_task(doing, total=total)
        yield lambda amount: shown.advance(task, amount)


@contextmanager
def bars(doing: str, totals: Mapping[str, int] | None, *, unit: str) -> Iterator[Report]:
    """Give what is told how many of which part are done; each part has a bar, `totals` are known or not."""
    if not sys.stderr.isatty():
        yield lambda _part, _done: None
        return
    tasks: dict[str, Callable[[int], None]] = {}
    with _bars(unit, known=totals is not None) as shown:

        def report(part: str, done: int) -> None:
            if part not in tasks:
                task = shown.add_task(f"{doing} {part}", total=(totals or {}).get(part))
                tasks[part] = lambda amount: shown.update(task, completed=amount)
            tasks[part](done)

        yield report


def _bars(unit: str, *, known: bool) -> "Progress":
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        *((BarColumn(),) if known else ()),
        TextColumn("{task.completed:,}" + (" of {task.total:,}" if known else "") + f" {unit}"),
        TimeElapsedColumn(),
        *((TimeRemainingColumn(),) if known else ()),
    )
    return Progress(*columns, console=console(stderr=True), transient=True)
