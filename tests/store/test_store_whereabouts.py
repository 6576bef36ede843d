"""What belongs to one host: its jobs, what is held for it, what ran there; and how the database stands."""

import sqlite3
from contextlib import closing

import asyncpg
import pytest
from msgspec.structs import replace

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.policies import Placement
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.store.records import JobDraft, Outcome
from services.scheduler.store.sql.migrate import migrations, statements
from services.scheduler.store.sql.postgresql import PostgresWords
from services.scheduler.store.sql.sqlite import SqliteWords
from tests.parts.builders import action
from tests.parts.stored import NOW, claim, draft, finished, put_collection, register, row


def homed(name: str, uri: str, placement: Placement | None = None) -> JobDraft:
    made = draft(name)
    return replace(made, definition=replace(made.definition, action=action(uri), placement=placement))


DRAFTS = [
    homed("by-address", "http://10.0.0.7:8080/a"),
    homed("by-name", "https://user@DB-0/a"),
    homed("by-placement", "http://{host}/", Placement(host="DB-0")),
    homed("by-ipv6", "http://[fd00::7]:80/a?b"),
    homed("elsewhere", "http://db-01/db-0?x=//db-0"),
    homed("pooled", "http://db-0/", Placement(pool="db")),
]


async def names(store: Store, *hosts: str, within: list[CollectionId] | None = None) -> list[str]:
    return [job.name for job in await store.jobs_at(hosts, limit=10, within=within)]


async def test_jobs_are_found_by_the_host_that_they_name(store: Store) -> None:
    demo, other = await put_collection(store, "demo"), await put_collection(store, "other")
    await store.put_jobs(demo.id, DRAFTS, NOW)
    assert await names(store, "db-0") == ["by-name", "by-placement"]
    assert await names(store, "db-0", "10.0.0.7", "fd00::7") == ["by-address", "by-ipv6", "by-name", "by-placement"]
    assert await names(store, "db-0", within=[other.id]) == []
    assert len(await store.jobs_at(["db-0"], limit=1)) == 1


@pytest.mark.parametrize("ids", [[], [7]])
async def test_jobs_that_are_not_there_are_not_found(store: Store, ids: list[int]) -> None:
    assert await store.jobs_by_id(ids) == []  # type: ignore[arg-type]


async def test_what_is_held_for_a_host_and_what_ran_there_is_found(store: Store) -> None:
    demo, other = await put_collection(store, "demo"), await put_collection(store, "other")
    await store.put_jobs(demo.id, [draft("held"), draft("ran")], NOW)
    owner = await register(store)
    held, ran = sorted(await claim(store, owner), key=lambda one: one.job.name)
    waits = Outcome(occurrence_id=held.occurrence.id, job_id=held.job.id, held_for="db-0", reason="Reboot of db-0")
    there = replace(finished(ran), rows=(replace(row(ran.occurrence), host="DB-0"),))
    await store.settle(owner, [waits, there])
    assert [one.job.name for one in await store.held_for("db-0", limit=5)] == ["held"]
    assert await store.held_for("db-0", limit=5, within=[other.id]) == []
    assert [one.job for one in await store.ran_on(["db-0", "DB-0"], limit=5, within=[demo.id])] == ["ran"]
    assert await store.ran_on(["db-0", "DB-0"], limit=5, within=[other.id]) == []
    assert await store.ran_on(["db-1"], limit=5) == []
    assert [job.name for job in await store.jobs_by_id([ran.job.id])] == ["ran"]


async def test_the_store_tells_what_it_stands_on(store: Store) -> None:
    found = await store.grounds()
    assert found.kind in ("memory", "SQLite", "PostgreSQL")
    assert (found.level is None) is (found.kind == "memory")
    assert found.size is None or found.size > 0


async def test_jobs_of_earlier_versions_have_the_homes_that_they_would_get_today(sql_url: str) -> None:
    async with open_store(sql_url) as store:
        demo = await put_collection(store, "demo")
        await store.put_jobs(demo.id, DRAFTS, NOW)
    before = await _homes(sql_url)
    words = SqliteWords() if sql_url.startswith("sqlite") else PostgresWords()
    filling = [one for one in statements(migrations()[11], words) if one.startswith("UPDATE")]
    await _run(sql_url, "UPDATE jobs SET home = NULL", *filling)
    assert await _homes(sql_url) == before
    assert len(filling) == 1
    assert len(before) == len(DRAFTS)


_HOMES = "SELECT name, home FROM jobs"


async def _homes(url: str) -> dict[str, str]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            return dict(file.execute(_HOMES).fetchall())
    connection = await asyncpg.connect(url)
    try:
        return {found["name"]: found["home"] for found in await connection.fetch(_HOMES)}
    finally:
        await connection.close()


async def _run(url: str, *statements: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            file.executescript(";".join(statements))
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(";".join(statements))
    finally:
        await connection.close()
