"""The conversation of `leeward apply`: look, have what is new judged, write, delete."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Sequence
from typing import TypeVar

import click
import msgspec

from services.client.api.connection import Connection
from services.client.api.paths import path
from services.client.applying.files import Fault, steps_of
from services.client.applying.form import Entry
from services.client.applying.plan import Extent, Rules, Task, apply_plan
from services.client.applying.secrets import put_secrets
from services.client.commands.import_run import carry_out, look, progressing, refused
from services.client.errors import NotFoundError, RefusedError
from services.client.moving.plan import Outcome, Step, There
from services.client.moving.translation import Wanted

T = TypeVar("T")

_AT_ONCE = 8
"""Requests under way; a scheduler has other callers, too."""
_JUDGED = 500
"""Up to so many jobs are judged before anything is written; more would take minutes, and writing tells as well."""
_KEPT = "left there: something else was refused"


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What applying would do, what is there, and what the scheduler has against it."""

    tasks: tuple[Task, ...]
    there: There
    faults: tuple[Fault, ...] = ()


async def prepare(connection: Connection, entries: Sequence[Entry], wanted: Sequence[Wanted], rules: Rules) -> Preview:
    """Return what applying would do; nothing is changed."""
    there = await look(connection, wanted, whole=rules.extent is Extent.PRUNE)
    tasks = apply_plan(entries, wanted, there, rules)
    faults = await _each(connection, [task for task in tasks if _can_be_judged(task, there)][:_JUDGED], _judge)
    return Preview(tasks=tuple(tasks), there=there, faults=tuple(fault for fault in faults if fault is not None))


def with_secrets(tasks: Sequence[Task]) -> tuple[list[Task], list[Fault]]:
    """Return the tasks with the secrets that they write, and a fault for each that cannot be read."""
    found: list[Task] = []
    faults: list[Fault] = []
    for task in tasks:
        try:
            found.append(_with_secrets(task))
        except click.BadParameter as fault:
            if task.entry is not None:
                steps = steps_of(str(fault.param_hint))
                faults.append(task.entry.fault(f"{fault.param_hint}: {fault.message}", steps))
    return found, faults


async def write(connection: Connection, tasks: Sequence[Task], *, progress: bool) -> list[Task]:
    """Create and change what has to be, then delete; return the tasks, in their order, with what became of them.

    What is refused does not keep the rest from being written, but nothing is deleted then.
    """
    gone = [task for task in tasks if task.outcome is Outcome.DELETED]
    patches = [task for task in tasks if task.patch is not None]
    whole = [task.step for task in tasks if task not in gone and task not in patches]
    written = await carry_out(connection, whole, progress=progress)
    barred = {step.wanted.collection.lower() for step in written if not step.wanted.job and _is_refused(step)}
    changed = await _each(connection, patches, _Changing(barred), progress=progress)
    stopped = any(map(_is_refused, (*written, *changed)))
    deleted = [refused(task.step, _KEPT) for task in gone] if stopped else []
    if not stopped:
        deleted = await _each(connection, gone, _delete, progress=progress)
    done = {step.wanted.name: step for step in (*written, *changed, *deleted)}
    return [msgspec.structs.replace(task, step=done[task.step.wanted.name]) for task in tasks]


def _can_be_judged(task: Task, there: There) -> bool:
    """Tell whether a job's collection is there, whose plan decides what it may be."""
    wanted = task.step.wanted
    return task.step.writes and wanted.job is not None and wanted.collection.lower() in there.collections


def _with_secrets(task: Task) -> Task:
    if task.entry is None or not task.entry.secrets or not task.step.writes:
        return task
    if task.patch is not None:
        return msgspec.structs.replace(task, patch=put_secrets(task.patch, task.entry.secrets))
    wanted = task.step.wanted
    whole = msgspec.structs.replace(wanted, document=put_secrets(wanted.document, task.entry.secrets))
    return msgspec.structs.replace(task, step=msgspec.structs.replace(task.step, wanted=whole))


async def _judge(connection: Connection, task: Task) -> Fault | None:
    """Return what the scheduler has against a job's document; nothing is stored by this question."""
    document = {**task.step.wanted.document, "name": task.step.wanted.job}
    try:
        await connection.call("POST", f"{_address(task)}/occurrences", document, {"count": 1})
    except RefusedError as error:
        if task.entry is not None and error.field is not None:
            return task.entry.fault(error.message, steps_of(error.field))
    return None


class _Changing:
    """Sends patches, but for those of collections that were refused."""

    def __init__(self, barred: Container[str]) -> None:
        self._barred = barred

    async def __call__(self, connection: Connection, task: Task) -> Step:
        if task.step.wanted.collection.lower() in self._barred:
            return refused(task.step, "its collection was refused")
        try:
            await connection.call("PATCH", _address(task), task.patch)
        except RefusedError as error:
            return refused(task.step, error.message)
        return task.step


async def _delete(connection: Connection, task: Task) -> Step:
    try:
        await connection.call("DELETE", _address(task))
    except NotFoundError:
        return task.step
    except RefusedError as error:
        return refused(task.step, error.message)
    return task.step


async def _each(
    connection: Connection,
    tasks: Sequence[Task],
    ask: Callable[[Connection, Task], Awaitable[T]],
    *,
    progress: bool = False,
) -> list[T]:
    """Ask about every task, some at a time; return the answers in order."""
    turns = asyncio.Semaphore(_AT_ONCE)
    with progressing(len(tasks), shown=progress and bool(tasks)) as advance:

        async def one(task: Task) -> T:
            async with turns:
                answer = await ask(connection, task)
            advance(1)
            return answer

        return await asyncio.gather(*map(one, tasks))


def _address(task: Task) -> str:
    return path("collections", task.step.wanted.collection, "jobs", str(task.step.wanted.job))


def _is_refused(step: Step) -> bool:
    return step.outcome is Outcome.REFUSED
