"""The steward and the fleet behind it: what is kept, what races, what a store that is away or a defect may not do."""

import asyncio
from datetime import timedelta
from typing import cast

import msgspec
import pytest

from services.scheduler.domain.hosts import STARTED, HostCondition
from services.scheduler.duty import Duty
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.fleet.drains import Work
from services.scheduler.fleet.reports import FRESH_FOR
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import (
    Cordon,
    EventOutcome,
    EventRecord,
)
from shared.messages import DrainState
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, event, snapshot
from tests.parts.dispatching import FaultyStore
from tests.parts.fleets import Watched
from tests.parts.stored import TESTER
from tests.parts.waiting import until

MINUTE = timedelta(minutes=1)
DB_0, DB_1 = HostKey("db-0"), HostKey("db-1")


def condition(watched: Watched, host: str = "db-0") -> HostCondition:
    return watched.fleet.report(host).condition


async def test_a_host_goes_through_its_conditions_with_its_event() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0")
    assert condition(watched) is HostCondition.AVAILABLE
    watched.see("db-0", event("db-0"))
    assert condition(watched) is HostCondition.CORDONED
    await watched.look()
    assert condition(watched) is HostCondition.DRAINED
    watched.see("db-0", event("db-0", status=STARTED))
    assert condition(watched) is HostCondition.INTERRUPTED
    watched.see("db-0")
    assert condition(watched) is HostCondition.AVAILABLE


async def test_drains_and_watchers_are_counted_by_their_state() -> None:
    watched = await Watched("db-0", "db-1").begin()
    value = watched.metrics.registry.get_sample_value

    def counted() -> list[float | None]:
        return [value("leeward_drains", {"state": state.value}) for state in DrainState]

    watched.work["db-0"] = Work(running=1)
    watched.see("db-0", event("db-0", "db-1"))
    await watched.steward.look()
    await watched.steward.look()
    assert counted() == [1, 1, 0]
    watched.clock.turn(FRESH_FOR + MINUTE)
    watched.beat("db-0")
    watched.see("db-0", event("db-0", status=STARTED))
    await watched.steward.look()
    await watched.steward.look()
    assert counted() == [0, 0, 1]
    assert [value("leeward_watchers", {"state": state}) for state in ("online", "offline")] == [1, 1]


async def test_an_event_that_ends_while_its_record_is_written_is_saved_as_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = await Watched("db-0").begin()
    put = watched.store.put_event

    async def overtaken(record: EventRecord) -> None:
        monkeypatch.setattr(watched.store, "put_event", put)
        watched.see("db-0")
        await put(record)

    monkeypatch.setattr(watched.store, "put_event", overtaken)
    watched.see("db-0", event("db-0"))
    await watched.steward.look()
    assert (await watched.record()).outcome is EventOutcome.CANCELLED
    assert await watched.store.list_events(active=True, limit=10) == []


async def test_drains_are_taken_down_though_the_store_was_away_at_the_events_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-0", event("db-0"), event("db-0", event_id="0THER"))
    await watched.steward.look()
    watched.see("db-0")
    put = watched.store.put_event

    async def away_for_one(record: EventRecord) -> None:
        if record.event_id == EVENT_ID:
            raise StoreUnavailableError("away")
        await put(record)

    with monkeypatch.context() as patch:
        patch.setattr(watched.store, "put_event", away_for_one)
        with pytest.raises(StoreUnavailableError):
            await watched.steward.look()
    await watched.steward.look()
    assert watched.bus.kept == {}
    assert await watched.store.list_events(active=True, limit=10) == []


async def test_an_event_of_an_earlier_life_keeps_its_hosts_cordoned_until_a_watcher_knows_better() -> None:
    before = await Watched("db-0").begin()
    before.see("db-0", event("db-0"))
    await before.steward.look()
    assert condition(before) is HostCondition.DRAINED
    watched = Watched(store=before.store)
    await watched.fleet.recall()
    watched.fleet.refresh()
    assert condition(watched) is HostCondition.CORDONED
    watched.beat("db-0")
    watched.see("db-0")
    assert condition(watched) is HostCondition.AVAILABLE


async def test_a_neighbour_whose_polls_fail_does_not_end_an_event_of_an_earlier_life() -> None:
    before = await Watched("db-0", "db-1").begin()
    before.see("db-0", event("db-0"))
    await before.steward.look()
    watched = Watched("db-1", store=before.store)
    watched.heard.take_inventory(DB_0, before.heard.inventories[DB_0])
    await watched.fleet.recall()
    blind = msgspec.structs.replace(watched.heard.statuses[DB_1], poll_ok=False)
    watched.heard.take_status(DB_1, blind, retained=False, now=NOON)
    watched.see("db-1")
    assert watched.fleet.active(EVENT_ID) is not None
    watched.beat("db-1")
    watched.fleet.refresh()
    assert watched.fleet.active(EVENT_ID) is None


async def test_an_expired_event_leaves_its_host_silent_until_a_watcher_is_back() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0", notice=MINUTE))
    await watched.steward.look()
    watched.clock.turn(FRESH_FOR + 10 * MINUTE)
    watched.fleet.refresh()
    for _ in range(2):
        await watched.steward.look()
    assert condition(watched) is HostCondition.SILENT
    assert watched.bus.kept == {}
    watched.beat("db-0")
    await watched.steward.look()
    assert condition(watched) is HostCondition.AVAILABLE


async def test_a_cordon_set_while_the_list_of_cordons_is_read_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = await Watched("db-0").begin()
    watched.fleet.refresh()
    read = watched.store.list_cordons

    async def overtaken() -> list[Cordon]:
        found = await read()
        monkeypatch.setattr(watched.store, "list_cordons", read)
        await watched.fleet.cordon("db-0", reason="a test", until=None, by=TESTER)
        return found

    monkeypatch.setattr(watched.store, "list_cordons", overtaken)
    await watched.fleet.reload_cordons()
    assert condition(watched) is HostCondition.CORDONED
    await watched.fleet.reload_cordons()
    assert condition(watched) is HostCondition.CORDONED


async def test_a_cordon_ends_at_its_time_even_while_the_store_is_away() -> None:
    watched = await Watched("db-0").begin()
    watched.fleet.refresh()
    await watched.fleet.cordon("db-0", reason="a test", until=NOON + MINUTE, by=TESTER)
    watched.clock.turn(MINUTE)
    watched.fleet.refresh()
    assert condition(watched) is HostCondition.AVAILABLE
    await watched.fleet.reload_cordons()
    assert await watched.store.list_cordons() == []


async def test_a_host_that_an_event_does_not_name_any_more_is_free() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-0", event("db-0", "db-1"))
    await watched.steward.look()
    watched.see("db-0", event("db-0"))
    await watched.steward.look()
    assert (condition(watched, "db-0"), condition(watched, "db-1")) == (HostCondition.DRAINED, HostCondition.AVAILABLE)


async def test_a_burst_of_messages_is_merged_once_and_seen_at_once() -> None:
    watched = await Watched("db-0").begin()
    watched.fleet.refresh()
    merges: list[None] = []
    watched.fleet.on_change(lambda: merges.append(None))
    for sequence in range(1, 100):
        watched.heard.take_snapshot(DB_0, snapshot("db-0", event("db-0"), sequence=sequence))
        watched.fleet.touch()
    assert watched.fleet.views[DB_0].threats
    await asyncio.sleep(0)
    assert len(merges) == 1


async def test_what_happens_to_an_event_is_told_in_plain_words() -> None:
    watched = await Watched("db-0").begin()
    watched.fleet.refresh()
    with watched.feed.subscribe() as updates:
        watched.see("db-0", event("db-0"))
        await watched.look()
        watched.see("db-0", event("db-0", status=STARTED))
        watched.see("db-0")
        told = [updates.get_nowait().summary for _ in range(updates.qsize())]
    assert told == [
        "Azure announces a Reboot of db-0, not before 12:15:00 UTC",
        "db-0 is cordoned: no job starts there until the Reboot is over",
        "db-0 is drained: nothing runs there any more (0 rerouted, 0 held)",
        "Asking Azure to go ahead with the Reboot of db-0",
        "Azure may go ahead: the Reboot of db-0 is approved (every job that ran there is finished, moved or held)",
        "Reboot of db-0 has started: the host is interrupted",
        "Reboot of db-0 is over",
        "db-0 is available again: held jobs are released",
    ]


@pytest.mark.parametrize("fault", [StoreUnavailableError("away"), RuntimeError("a defect")])
async def test_a_duty_outlives_whatever_it_meets(fault: Exception) -> None:
    metrics, turns, faults = Metrics("test"), 0, [fault]

    async def work() -> float:
        nonlocal turns
        if faults:
            raise faults.pop()
        turns += 1
        return 60.0

    duty = Duty("steward", work, metrics)
    running = asyncio.create_task(duty.run())

    async def has_worked() -> bool:
        return turns == 1

    await until(has_worked)
    running.cancel()
    await asyncio.wait([running])
    failures = metrics.registry.get_sample_value("leeward_duty_failures_total", {"duty": "steward"})
    assert failures == isinstance(fault, RuntimeError)


async def test_an_execution_that_ends_has_drains_looked_at_only_if_its_host_is_threatened() -> None:
    async with MemoryStore(lambda: "session") as store:
        faulty = FaultyStore(cast("Store", store))
        watched = await Watched("db-0", "db-1", store=cast("Store", faulty)).begin()
        watched.see("db-0", event("db-0"))

        async def looks() -> int:
            """Let everybody have their turns, and return how often it has looked."""
            for _ in range(50):
                await asyncio.sleep(0)
            return faulty.calls["list_cordons"]

        running = asyncio.create_task(watched.steward.run())
        before = await looks()
        watched.steward.ended(DB_1)
        calm = await looks()
        watched.steward.ended(DB_0)
        threatened = await looks()
        running.cancel()
        await asyncio.wait([running])
        assert 0 < before == calm < threatened
