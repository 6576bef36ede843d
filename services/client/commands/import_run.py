"""The conversation of `leeward import`: look at what is there, write what differs."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import msgspec

from services.client.api.paths import path
from services.client.errors import NotFoundError, RefusedError
from services.client.moving.plan import Outcome, Step, There, document_to_send, plan
from services.client.moving.translation import Wanted
from services.client.progress import Advance, bar

if TYPE_CHECKING:
    from services.client.api.connection import Connection

_ASKED_SINGLY = 100
"""Up to so many jobs of a collection are asked for one by one; more are cheaper as a whole list."""
_PER_REQUEST = 500
"""A request takes far more; this many show progress and stay well within its time limit."""
_ALL = sys.maxsize


async def look(connection: "Connection", wanted: Sequence[Wanted], *, whole: bool = False) -> There:
    """Return what the scheduler has of what is wanted; `whole`: and all else in those collections."""
    listed = await connection.list_all(path("collections"), limit=_ALL)
    collections = {one["name"].lower(): one for one in listed}
    jobs: dict[str, dict[str, Any]] = {}
    for collection in {one.collection.lower() for one in wanted if one.job or whole} & set(collections):
        names = [str(one.job) for one in wanted if one.job and one.collection.lower() == collection]
        jobs[collection] = await _jobs(connection, collection, None if whole else names)
    return There(collections=collections, jobs=jobs)


async def prepare(connection: "Connection", wanted: Sequence[Wanted]) -> list[Step]:
    """Return what an import would do."""
    return plan(wanted, await look(connection, wanted))


async def carry_out(connection: "Connection", steps: Sequence[Step], *, progress: bool) -> list[Step]:
    """Write collections, then jobs; return the steps, in the same order, with what became of them.

    What is refused does not keep the rest from being written.
    """
    with progressing(sum(step.writes for step in steps), shown=progress) as advance:
        done: list[Step] = []
        for step in steps:
            if step.wanted.job is None:
                done.append(await _write_collection(connection, step))
                advance(int(step.writes))
        barred = {step.wanted.collection.lower() for step in done if step.outcome is Outcome.REFUSED}
        homes = {step.wanted.collection.lower(): step.wanted.collection for step in steps if step.wanted.job}
        for key, home in homes.items():
            mine = [step for step in steps if step.wanted.job and step.wanted.collection.lower() == key]
            if key in barred:
                done += [refused(step, "its collection was refused") if step.writes else step for step in mine]
            else:
                done += await _write_jobs(connection, home, mine, advance)
    order = {step.wanted.name: number for number, step in enumerate(steps)}
    return sorted(done, key=lambda step: order[step.wanted.name])


async def _jobs(connection: "Connection", collection: str, names: Sequence[str] | None) -> dict[str, Any]:
    """Return jobs by lower-cased name: these, or all."""
    if names is None or len(names) > _ASKED_SINGLY:
        listed = await connection.list_all(path("collections", collection, "jobs"), limit=_ALL)
        return {one["name"].lower(): one for one in listed}
    found: dict[str, Any] = {}
    for name in names:
        try:
            found[name.lower()] = await connection.call("GET", path("collections", collection, "jobs", name))
        except (NotFoundError, RefusedError):
            # No such job, or no such name: writing it will tell.
            continue
    return found


async def _write_collection(connection: "Connection", step: Step) -> Step:
    if not step.writes:
        return step
    try:
        await connection.call("PUT", path("collections", step.wanted.collection), step.wanted.document)
    except RefusedError as fault:
        return refused(step, fault.message)
    return step


async def _write_jobs(connection: "Connection", collection: str, steps: Sequence[Step], advance: Advance) -> list[Step]:
    done = [step for step in steps if not step.writes]
    writing = [step for step in steps if step.writes]
    for start in range(0, len(writing), _PER_REQUEST):
        batch = writing[start : start + _PER_REQUEST]
        done += await _write_batch(connection, collection, batch)
        advance(len(batch))
    return done


async def _write_batch(connection: "Connection", collection: str, batch: Sequence[Step]) -> list[Step]:
    body = {"value": [document_to_send(step.wanted) for step in batch]}
    try:
        reply = await connection.call("POST", path("collections", collection, "jobs:batch"), body)
    except (NotFoundError, RefusedError) as fault:
        return [refused(step, fault.message) for step in batch]
    return [_answered(step, answer) for step, answer in zip(batch, reply["value"], strict=True)]


def _answered(step: Step, answer: dict[str, Any]) -> Step:
    error = answer.get("error")
    if error is None:
        return step
    field = error.get("field")
    return refused(step, f"{field}: {error['detail']}" if field else str(error["detail"]))


def refused(step: Step, why: str) -> Step:
    """Return a step with what the scheduler said against it."""
    return msgspec.structs.replace(step, outcome=Outcome.REFUSED, why=(why,))


def progressing(total: int, *, shown: bool) -> AbstractContextManager[Advance]:
    """Show how far writing has come, on standard error, while the context lasts."""
    return bar("writing", total, unit="documents", when=shown)
