"""The policies of collections in memory: loaded, written here, announced by others; held occurrences follow them."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from services.scheduler.dispatch.collection_policies import CollectionPolicies
from services.scheduler.domain.collections import CollectionDefinition, CollectionId
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance, MaintenanceRule, Strategy
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.builders import definition, host, threat
from tests.parts.dispatching import FaultyStore, dispatching
from tests.parts.stored import NOW, SOMEWHERE
from tests.parts.waiting import until

IGNORE = Maintenance(rule=MaintenanceRule(strategy=Strategy.IGNORE))
HOLD = Maintenance(rule=MaintenanceRule(strategy=Strategy.HOLD))


class Watched:
    """A registry over a memory store, and how often it said that something has changed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.changes = 0
        self.policies = CollectionPolicies(store, Metrics(""), self._count)

    def _count(self) -> None:
        self.changes += 1

    async def put(self, policy: Maintenance, name: str = "nightly") -> CollectionId:
        definition = CollectionDefinition(maintenance=policy)
        return (await self.store.put_collection(SOMEWHERE, name, definition, NOW))[0].id


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with MemoryStore(lambda: "session") as store:
        yield Watched(store)


async def test_what_the_store_has_applies_once_it_is_loaded(watched: Watched) -> None:
    number = await watched.put(IGNORE)
    assert watched.policies.of(number) == NO_MAINTENANCE
    await watched.policies.load()
    assert watched.policies.of(number) == IGNORE
    await watched.policies.load()
    assert watched.changes == 1


async def test_what_is_written_here_applies_at_once_and_the_same_again_is_no_news(watched: Watched) -> None:
    for policy in (IGNORE, IGNORE, NO_MAINTENANCE):
        watched.policies.note(CollectionId(7), policy)
    assert watched.policies.of(CollectionId(7)) == NO_MAINTENANCE
    assert watched.changes == 2


async def test_a_deleted_collection_decides_nothing_any_more(watched: Watched) -> None:
    number = await watched.put(IGNORE)
    await watched.policies.load()
    await watched.store.delete_collection(SOMEWHERE, "nightly")
    await watched.policies.load()
    assert watched.policies.of(number) == NO_MAINTENANCE


async def test_a_write_that_comes_while_the_store_is_read_is_not_undone_by_what_was_read() -> None:
    async with MemoryStore(lambda: "session") as store:
        watched = Watched(cast("Store", SlowReads(store)))
        number = await watched.put(IGNORE)
        loading = asyncio.create_task(watched.policies.load())
        await cast("SlowReads", watched.store).has_read.wait()
        watched.policies.note(await watched.put(HOLD), HOLD)
        cast("SlowReads", watched.store).may_answer.set()
        await loading
        assert watched.policies.of(number) == HOLD


async def test_an_announcement_has_them_read_again_at_once_and_a_store_that_is_away_is_waited_for() -> None:
    async with MemoryStore(lambda: "session") as store:
        watched = Watched(cast("Store", faulty := FaultyStore(store)))
        following = asyncio.create_task(watched.policies.run())
        await until(lambda: _true(faulty.calls["list_policies"] == 1))
        faulty.away = True
        watched.policies.look_soon()
        await until(lambda: _true(faulty.calls["list_policies"] > 1))
        faulty.away = False
        number = await watched.put(IGNORE)
        await until(lambda: _true(watched.policies.of(number) == IGNORE), seconds=3)
        following.cancel()
        assert watched.changes == 1


async def test_what_is_held_runs_as_soon_as_its_collection_says_that_the_event_is_to_be_ignored() -> None:
    async with dispatching() as work:
        view = host("db-0", addresses=("10.0.0.4",), threats=(threat(),))
        work.fleet = {view.key: view}
        holding = asyncio.create_task(work.holds.run())
        job = await work.add(definition(host="db-0"))
        assert (await work.until_rows(1))[0].status is HistoryStatus.POSTPONED
        work.policies.note(job.collection_id, IGNORE)
        rows = await work.until_rows(2)
        holding.cancel()
        assert rows[1].status is HistoryStatus.COMPLETED


class SlowReads(FaultyStore):
    """A store whose answer about policies takes its time."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.has_read = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def list_policies(self) -> dict[CollectionId, Maintenance]:
        """Read, and answer when it may."""
        found = await self._store.list_policies()
        self.has_read.set()
        await self.may_answer.wait()
        return found


async def _true(fact: bool) -> bool:
    return fact
