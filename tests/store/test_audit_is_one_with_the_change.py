"""A change and its entry are committed together: when the entry cannot be written, the change does not happen."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import pytest
from msgspec.structs import replace

from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import CollectionDefinition, CollectionState, ResourceGroup
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import NotFoundError, StoreUnavailableError
from services.scheduler.store.audit import Change
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.store.records import Cordon
from services.scheduler.store.sql.store import SqlStore
from tests.parts.stored import NOW, SOMEWHERE, TESTER, asked_for, draft, put_job

PUT = Change(TESTER, Act.JOB_REPLACED)
CLOSED = CollectionDefinition(state=CollectionState.DISABLED)
DISKS = Cordon(host="db-0", reason="disks", by="tester", since=NOW)
CHANGES: dict[str, Callable[[Store, Job], Awaitable[object]]] = {
    "create": lambda store, job: store.put_jobs(job.collection_id, [replace(draft("new"), change=PUT)], NOW),
    "replace": lambda store, job: store.put_jobs(
        job.collection_id, [replace(draft("backup", uri="http://new/"), change=PUT)], NOW
    ),
    "delete": lambda store, job: store.delete_job(job.collection_id, job.name, by=TESTER),
    "delete many": lambda store, job: store.delete_jobs(job.collection_id, [job.id], by=TESTER),
    "run": lambda store, job: store.add_run(asked_for(job), by=TESTER),
    "close": lambda store, _: store.put_collection(SOMEWHERE, "nightly", CLOSED, NOW, by=PUT),
    "new collection": lambda store, _: store.put_collection(SOMEWHERE, "new", CLOSED, NOW, by=PUT),
    "delete collection": lambda store, _: store.delete_collection(SOMEWHERE, "nightly", by=TESTER),
    "group": lambda store, _: store.put_group(ResourceGroup(namespace=SOMEWHERE, location="south"), by=TESTER),
    "delete group": lambda store, _: store.delete_group(SOMEWHERE, by=TESTER),
    "cordon": lambda store, _: store.put_cordon(replace(DISKS, reason="other disks"), by=TESTER),
    "release": lambda store, _: store.delete_cordon("db-0", by=TESTER),
}


async def _everything(store: Store) -> object:
    collections = await store.list_collections(SOMEWHERE.subscription, None, top=10, skip=0)
    jobs = [await store.list_jobs(one.id, top=10, skip=0) for one in collections]
    group = None
    with suppress(NotFoundError):
        group = await store.get_group(SOMEWHERE)
    return collections, jobs, group, await store.list_cordons(), await store.gauges(NOW)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_whose_entry_cannot_be_written_does_not_happen(sql_url: str, change: str) -> None:
    async with open_store(sql_url) as store:
        assert isinstance(store, SqlStore)
        job = await put_job(store)
        await store.put_group(ResourceGroup(namespace=SOMEWHERE, location="north"))
        await store.put_cordon(DISKS)
        before = await _everything(store)
        async with store._db.write() as tx:
            await tx.run_text("ALTER TABLE audit RENAME TO gone")
        with pytest.raises((StoreUnavailableError, asyncpg.UndefinedTableError)):
            await CHANGES[change](store, job)
        assert await _everything(store) == before
        async with store._db.write() as tx:
            await tx.run_text("ALTER TABLE gone RENAME TO audit")
        await CHANGES[change](store, job)
        assert await _everything(store) != before
