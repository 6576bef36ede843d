"""A process that died while it deleted a collection: nobody finds it any more, and the rest goes by itself."""

import pytest

from services.scheduler.domain.acts import Act
from services.scheduler.domain.jobs import Job
from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import AuditFilter
from services.scheduler.store.open import open_store
from services.scheduler.store.sql.deletion import bury
from services.scheduler.store.sql.store import SqlStore
from tests.parts.stored import NOW, SOMEWHERE, TESTER, claim, draft, put_collection, put_job, register, run_once


async def _cut_short(store: SqlStore, job: Job) -> None:
    """Do what `delete_collection` does first, and no more."""
    async with store._db.write() as tx:
        await bury(tx, [job.collection_id], TESTER)


async def test_a_collection_that_is_being_deleted_is_not_found_and_takes_no_jobs(sql_url: str) -> None:
    async with open_store(sql_url) as store:
        assert isinstance(store, SqlStore)
        job = await put_job(store)
        await _cut_short(store, job)
        with pytest.raises(NotFoundError):
            await store.get_collection(SOMEWHERE, "nightly")
        with pytest.raises(NotFoundError):
            await store.put_jobs(job.collection_id, [draft("late")], NOW)
        assert await store.list_collections(SOMEWHERE.subscription, None, top=10, skip=0) == []
        assert (await put_collection(store)).id != job.collection_id


async def test_what_is_left_of_a_deletion_is_swept_and_nothing_else(sql_url: str) -> None:
    async with open_store(sql_url) as store:
        assert isinstance(store, SqlStore)
        job = await put_job(store)
        await run_once(store, rows=5)
        await _cut_short(store, job)
        kept = await put_job(store)
        while await store.sweep(limit=2):
            pass
        assert await store.count_jobs(job.collection_id) == 0
        assert await store.list_history(job.id, top=10, skip=0) == []
        assert [one.job.id for one in await claim(store, await register(store))] == [kept.id]


async def test_the_audit_log_knows_who_had_deleted_what_is_swept_later(sql_url: str) -> None:
    async with open_store(sql_url) as store:
        assert isinstance(store, SqlStore)
        job = await put_job(store)
        await _cut_short(store, job)
    async with open_store(sql_url) as store:
        while await store.sweep(limit=2):
            pass
        [entry] = await store.list_audit(AuditFilter(), top=10, skip=0)
        assert (entry.actor, entry.act, entry.subject.job) == (TESTER, Act.JOB_DELETED, job.name)
        assert (entry.subject.namespace, entry.subject.collection) == (SOMEWHERE, "nightly")
