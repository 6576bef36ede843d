"""Databases of earlier versions are brought up to date with all that is in them."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import asyncpg
import msgspec
import pytest

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.secrets import KeyId
from services.scheduler.store.audit import AuditFilter, JobImage
from services.scheduler.store.open import open_store
from services.scheduler.store.records import EventOutcome, EventRecord
from services.scheduler.store.search import JobQuery, Ran
from services.scheduler.store.sql.migrate import migrations, statements
from services.scheduler.store.sql.postgresql import PostgresWords
from services.scheduler.store.sql.sqlite import SqliteWords
from shared.clock import to_epoch_ms
from tests.parts.stored import NOW, TESTER, put_job

_VERSIONS = "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)"
_EVENT = EventRecord(
    event_id="ENDED",
    type="Reboot",
    status="Started",
    resources=("db-0",),
    not_before=None,
    duration_seconds=None,
    source="Platform",
    description="",
    first_seen_at=NOW,
)


_JOB = [
    "INSERT INTO collections VALUES (1, 's', 'g', 'nightly', 's', 'g', 'nightly', '{}', 0, 0)",
    "INSERT INTO jobs VALUES (1, 1, 'uid', 'backup', 'backup', 'enabled', 0, NULL, 0, 1, 0, 0, 0, NULL, TRUE, 0, 0)",
    """INSERT INTO definitions VALUES (1, '{"action":{"call":{"type":"http","method":"GET","uri":"http://x/"}}}')""",
]
"""A job as versions before 7 wrote it."""


def _events() -> list[str]:
    """Return the statements that write an ended and an active event as version 3 did."""
    ended = msgspec.structs.replace(_EVENT, outcome=EventOutcome.COMPLETED, ended_at=NOW + timedelta(minutes=5))
    active = msgspec.structs.replace(_EVENT, event_id="ACTIVE")
    return [
        f"INSERT INTO events VALUES ('{event.event_id}', {to_epoch_ms(NOW)}, {is_active}, "
        f"'{msgspec.json.encode(event).decode()}')"
        for event, is_active in ((ended, "FALSE"), (active, "TRUE"))
    ]


async def _write(url: str, version: int, more: list[str]) -> None:
    """Make a database as `version` left it."""
    is_sqlite = url.startswith("sqlite")
    words = SqliteWords() if is_sqlite else PostgresWords()
    wanted = [one for number, path in migrations().items() if number <= version for one in statements(path, words)]
    numbers = [f"INSERT INTO schema_version VALUES ({number}, 0)" for number in range(1, version + 1)]
    script = [*wanted, _VERSIONS, *numbers, *more]
    if is_sqlite:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            file.executescript(";".join(script))
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(";".join(script))
    finally:
        await connection.close()


@pytest.mark.parametrize("version", [1, 2, 3, 5])
async def test_a_database_of_an_earlier_schema_is_brought_up_to_date(sql_url: str, version: int) -> None:
    await _write(sql_url, version, [])
    async with open_store(sql_url) as store:
        job = await put_job(store)
        assert await store.find_jobs(job.collection_id, [job.name]) == [job]
    async with open_store(sql_url) as store:
        assert await store.job_counts() == {"enabled": 1}


async def test_the_audit_log_of_an_earlier_schema_begins_with_the_first_change_and_knows_what_was(sql_url: str) -> None:
    await _write(sql_url, 5, _JOB)
    async with open_store(sql_url) as store:
        await store.delete_job(CollectionId(1), "backup", by=TESTER)
        [entry] = await store.list_audit(AuditFilter(), top=10, skip=0)
        assert isinstance(entry.before, JobImage)
        assert (entry.subject.job, entry.before.state) == ("backup", "enabled")


async def test_jobs_of_an_earlier_schema_have_no_secrets_to_reseal(sql_url: str) -> None:
    await _write(sql_url, 5, _JOB)
    async with open_store(sql_url) as store:
        [job] = await store.list_jobs(CollectionId(1), top=10, skip=0)
        assert job.name == "backup"
        assert await store.count_sealed(other_than=KeyId("")) == 0


async def test_jobs_of_an_earlier_schema_are_found_by_pool_and_tags(sql_url: str) -> None:
    call = '{"type":"http","method":"GET","uri":"http://x/"}'
    body = f'{{"action":{{"call":{call}}},"placement":{{"pool":"db"}},"tags":{{"team":"a b"}}}}'
    await _write(sql_url, 5, [*_JOB[:2], f"INSERT INTO definitions VALUES (1, '{body}')"])
    async with open_store(sql_url) as store:
        found = [
            [job.name for job in await store.search_jobs(query, top=10, skip=0)]
            for query in (
                JobQuery(pool="db"),
                JobQuery(tags={"team": "a b"}),
                JobQuery(ran=Ran.NEVER),
                JobQuery(pool="x"),
            )
        ]
    assert found == [["backup"], ["backup"], ["backup"], []]


async def test_events_of_an_earlier_schema_go_in_their_time(sql_url: str) -> None:
    await _write(sql_url, 3, _events())
    async with open_store(sql_url) as store:
        assert [event.event_id for event in await store.list_events(active=True, limit=10)] == ["ACTIVE"]
        assert await store.prune_events(ended_before=NOW, limit=10) == 0
        assert await store.prune_events(ended_before=NOW + timedelta(days=1), limit=10) == 1
        assert [event.event_id for event in await store.list_events(active=False, limit=10)] == ["ACTIVE"]
