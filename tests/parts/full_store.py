"""A database with rows of every kind in every table, and what is in a database, read past the store."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import asyncpg
from msgspec.structs import replace

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.collections import CollectionId, ResourceGroup
from services.scheduler.domain.decisions import Cause, skipped_for
from services.scheduler.domain.executions import HistoryStatus, Next
from services.scheduler.domain.secrets import SecretKeeper
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    Claim,
    Cordon,
    DrainReport,
    EventOutcome,
    HostDrain,
    Ownership,
    Release,
)
from services.scheduler.store.sql.plain_rows import TABLES
from tests.parts.builders import ANNOUNCED
from tests.parts.every_action import ACTIONS
from tests.parts.fakes_api import HOME, NOON, Api, every, running_api
from tests.parts.rehearsing import a_rehearsal
from tests.parts.stored import LEASE, MINUTE, TESTER, asked_for, claim, finished, row
from tests.parts.vaults import key, vault

KEY = key("20260302-everything")
ODD = "ÿ 🌪 'quoted' \\ \t\n…"
"""A text that anything between two databases may trip over."""


async def fill_with_everything(url: str, *, secrets: SecretKeeper | None = None) -> None:
    """Write rows of every kind: what callers, replicas and the fleet leave behind, some of it under way."""
    store = open_store(url)
    async with running_api(store=store, secrets=secrets or vault(KEY)) as api:
        await _called(api)
        owner = await store.register("one", NOON, LEASE)
        await _dispatched(store, owner, await claim(store, owner, at=NOON + MINUTE))
        await _watched(store, owner)
        await _deleted(api, store)
    await _cut_short(url)


async def _called(api: Api) -> None:
    """Write collections and jobs of every action, with every secret, in words of every kind."""
    assert (await api.call("PUT", "/collections/plain", {})).status == 201
    policy = {"maintenance": {"strategy": "Hold", "onRelease": "RunAll"}}
    assert (await api.call("PUT", "/collections/demo", policy)).status == 201
    for number, (kind, action) in enumerate(ACTIONS.items()):
        document = {
            "action": {**action, "errorAction": action},
            "recurrence": every(1),
            "tags": {"kind": kind, "odd": ODD},
        }
        assert (await api.call("PUT", f"/collections/demo/jobs/job-{number}", document)).status == 201
    await api.call("PUT", "/collections/demo/jobs/off", {"action": ACTIONS["basic"], "state": "Disabled"})
    await api.services.store.put_group(ResourceGroup(namespace=HOME, tags={"odd": ODD}), by=TESTER)
    await api.services.store.put_cordon(Cordon(host="db-9", reason=ODD, by="me", since=NOON), by=TESTER)


async def _dispatched(store: Store, owner: Ownership, claims: list[Claim]) -> None:
    """Leave occurrences in every state, and rows of history of every status."""
    assert len(claims) > 6
    done, failed, held, released, deferred, *_under_way = claims
    retry = Next(action=ActionName.ERROR, fire_at=NOON + 2 * MINUTE, retries=1)
    rows = tuple(replace(row(done.occurrence, status, NOON), message=ODD) for status in HistoryStatus)
    decided = replace(rows[0], decision=skipped_for(Cause.OVERLAP))
    await store.settle(
        owner,
        [
            finished(done, rows=(*rows, decided)),
            finished(failed, following=retry, failures=1),
            finished(held, held_for="db-9", held_under="Reboot", reason=ODD, main_attempts=0),
            finished(released, held_for="db-9", held_under="Reboot", reason=ODD, main_attempts=0),
            finished(deferred, rows=(), main_attempts=0, deferred_until=NOON + 3 * MINUTE),
        ],
    )
    gone = Release(occurrence_id=released.occurrence.id, job_id=released.job.id, fire_at=NOON + MINUTE)
    assert await store.release([gone])
    await store.add_run(asked_for(done.job, "by hand", NOON), by=TESTER)


async def _watched(store: Store, owner: Ownership) -> None:
    """Write events, over and on, with their drains and approvals."""
    ended = replace(ANNOUNCED, event_id="OVER", outcome=EventOutcome.COMPLETED, ended_at=NOON, description=ODD)
    drain = HostDrain(drain="drained", held=2, rerouted=1, drained_at=NOON)
    for event in (ended, replace(ANNOUNCED, hosts={"db-0": drain})):
        await store.put_event(event)
        await store.take_approval(event.event_id, "one", NOON, timedelta(seconds=30))
    approval = Approval(state=ApprovalState.APPROVED, at=NOON, by="one", reason=ODD)
    await store.record_approval("OVER", approval)
    await store.put_rehearsal(a_rehearsal(at=NOON, description=ODD), most=1, by=TESTER)
    report = DrainReport(event_id=ANNOUNCED.event_id, host="db-0", running=1, held=2, rerouted=0, settled=True)
    await store.report_drain(owner, report)


async def _deleted(api: Api, store: Store) -> None:
    """Delete a job whose history is still there, and the newest of all, so that its number is not in the table."""
    ran = await store.find_jobs(CollectionId(2), ["job-0"])
    assert ran, "the job that ran first"
    assert (await api.call("DELETE", "/collections/demo/jobs/job-0")).status < 300
    assert (await api.call("PUT", "/collections/demo/jobs/brief", {"action": ACTIONS["mqtt"]})).status == 201
    assert (await api.call("DELETE", "/collections/demo/jobs/brief")).status < 300


async def _cut_short(url: str) -> None:
    """Leave a collection as a crash in the midst of its deletion does."""
    statement = "UPDATE collections SET deleted_by = '{}' WHERE name = 'plain'".format(
        '{"caller":"me","request_id":"r","address":null,"at":"2026-03-02T12:00:00Z"}'
    )
    await execute(url, statement)


async def execute(url: str, statement: str) -> None:
    """Execute a statement at the database itself."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(_file(url))) as file, file:
            file.execute(statement)
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def rows_of(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables, in the order of their keys; truth values as numbers."""
    queries = {
        name: f"SELECT {', '.join(table.c.keys())} FROM {name} ORDER BY {', '.join(table.primary_key.columns.keys())}"
        for name, table in TABLES.items()
    }
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(_file(url))) as file:
            return {name: file.execute(query).fetchall() for name, query in queries.items()}
    connection = await asyncpg.connect(url)
    try:
        found = {name: await connection.fetch(query) for name, query in queries.items()}
    finally:
        await connection.close()
    return {name: [tuple(map(_plain, one)) for one in rows] for name, rows in found.items()}


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
