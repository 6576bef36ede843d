"""How `leeward apply` tells what it would do and what became of it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import click

from services.client.applying.plan import Task
from services.client.moving.plan import Outcome, counts
from services.client.output import Row

_SIGNS: Mapping[Outcome, tuple[str, str | None]] = MappingProxyType(
    {
        Outcome.CREATED: ("+", "green"),
        Outcome.UPDATED: ("~", "yellow"),
        Outcome.DELETED: ("-", "red"),
        Outcome.SKIPPED: ("!", "red"),
        Outcome.REFUSED: ("!", "red"),
    }
)
"""A sign for each, so that nothing depends on its colour."""


def lines(tasks: Sequence[Task]) -> Iterator[str]:
    """Yield a line for each collection and job, below it what changes and why not; unchanged ones are left out."""
    for task in tasks:
        if task.outcome in _SIGNS:
            sign, colour = _SIGNS[task.outcome]
            yield click.style(f"{sign} {_kind(task)} {task.step.wanted.name}{_verdict(task)}", fg=colour)
            yield from (f"    {change}" for change in task.step.changes)
            yield from (f"    note: {note}" for note in task.step.wanted.notes)
            yield from (f"    {reason}" for reason in task.step.why)


def troubles(tasks: Sequence[Task]) -> list[Task]:
    """Return what did not come to pass."""
    return [task for task in tasks if task.outcome in (Outcome.SKIPPED, Outcome.REFUSED)]


def summary(tasks: Sequence[Task], *, done: bool) -> str:
    """Return how many there are of each outcome, in words."""
    tally = Counter(task.outcome for task in tasks)
    numbers = ", ".join(f"{tally[outcome]} {outcome}" for outcome in Outcome if tally[outcome])
    return numbers if done else f"would be: {numbers}"


def question(tasks: Sequence[Task], there: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what to ask before it is done; what is deleted is told collection by collection."""
    tally = Counter(task.outcome for task in tasks)
    verbs = {Outcome.CREATED: "create", Outcome.UPDATED: "change"}
    parts = [f"{verb} {tally[outcome]}" for outcome, verb in verbs.items() if tally[outcome]]
    gone = Counter(task.step.wanted.collection for task in tasks if task.outcome is Outcome.DELETED)
    parts += [f"DELETE {number} of the {len(there[home.lower()])} jobs of {home}" for home, number in gone.items()]
    return f"{', '.join(parts)}?".capitalize() if not gone else f"{', '.join(parts)}, with their history?"


def report(tasks: Sequence[Task], *, dry_run: bool) -> dict[str, Any]:
    """Return everything for programs."""
    summed = counts(task.step for task in tasks)
    return {"dryRun": dry_run, "summary": summed, "value": [_row(task) for task in tasks]}


def _row(task: Task) -> Row:
    step = task.step
    row: Row = {"kind": _kind(task), "name": step.wanted.name, "outcome": step.outcome.value}
    if task.entry is not None:
        row["file"] = task.entry.file.name
        if troubles([task]):
            row["place"] = task.entry.place
    if step.changes:
        row["changes"] = [{"field": one.field, "from": one.before, "to": one.after} for one in step.changes]
    if step.why:
        row["why"] = list(step.why)
    return row | ({"notes": list(step.wanted.notes)} if step.wanted.notes else {})


def _kind(task: Task) -> str:
    return "collection" if task.step.wanted.job is None else "job"


def _verdict(task: Task) -> str:
    """Return what became of one that did not come to pass, and where in the files it stands."""
    if not troubles([task]):
        return ""
    return f" {task.outcome}" if task.entry is None else f" {task.outcome}, {task.entry.place}"
