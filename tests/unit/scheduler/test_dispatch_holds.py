"""What becomes of held occurrences: the latest, all, none, or missed; and what that means for the job's count."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import pytest

from services.scheduler.dispatch.held import COALESCED, give_up, let_go
from services.scheduler.domain.executions import HistoryStatus
from services.scheduler.domain.hosts import STARTED
from services.scheduler.domain.jobs import Job, JobDefinition, JobState
from services.scheduler.domain.policies import Maintenance, MaintenanceRule, OnRelease, Policies
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import (
    Held,
    Release,
)
from tests.parts.builders import NOON, definition, host, job, occurrence, threat
from tests.parts.dispatching import Dispatching, FaultyStore, dispatching
from tests.parts.stored import NOW, claim, finished, put_job, register
from tests.parts.waiting import until

MINUTE = timedelta(minutes=1)
MINUTELY = Recurrence(frequency=Frequency.MINUTE)
BY_TYPE = Maintenance(
    rule=MaintenanceRule(on_release=OnRelease.RUN_ONCE),
    by_type={"reboot": MaintenanceRule(on_release=OnRelease.SKIP)},
)
POLICIES = Policies(job=BY_TYPE)


@pytest.fixture
async def faulty() -> AsyncIterator[FaultyStore]:
    async with MemoryStore(lambda: "session") as store:
        yield FaultyStore(store)


async def test_what_is_written_as_held_just_after_its_event_has_ended_is_let_go_soon(faulty: FaultyStore) -> None:
    store = cast("Store", faulty)
    work = Dispatching(store)
    work.fleet = {(view := host("db-0", addresses=("10.0.0.4",))).key: view}
    await put_job(store)
    owner = await register(store)
    [claimed] = await claim(store, owner)

    async def has_looked() -> bool:
        return bool(faulty.calls["list_held"])

    async def is_let_go() -> bool:
        return (await store.gauges(NOW)).occurrences == {"ready": 1}

    looking = asyncio.create_task(work.holds.run())
    await until(has_looked)
    await store.settle(owner, [finished(claimed, held_for="db-0", held_under="Reboot")])
    await until(is_let_go, seconds=1.5)
    looking.cancel()
    await asyncio.wait([looking])
    assert await is_let_go()


def held(of: Job, minute: int, under: str = "Freeze", **more: object) -> Held:
    return Held(occurrence=occurrence(of, NOON + minute * MINUTE, held_under=under, **more), job=of)


def fates(releases: list[Release]) -> list[str | None]:
    """Return why each does not run; None for what does."""
    return [release.row.reason if release.row is not None else None for release in releases]


def test_the_latest_of_those_that_may_run_once_runs_though_a_later_one_is_skipped() -> None:
    of = job(what=definition(recurrence=MINUTELY, maintenance=BY_TYPE))
    waiting = [held(of, 0), held(of, 1), held(of, 2, under="Reboot")]
    assert fates(list(let_go(of, POLICIES, waiting, NOON + 3 * MINUTE))) == [COALESCED, None, "skipped at release"]


def test_what_a_caller_asked_for_and_what_has_run_before_goes_on_in_any_case() -> None:
    of = job(what=definition(recurrence=MINUTELY, maintenance=BY_TYPE))
    waiting = [held(of, 0, under="Reboot", manual=True), held(of, 1, under="Reboot", attempt=2)]
    assert fates(list(let_go(of, POLICIES, waiting, NOON + 3 * MINUTE))) == [None, None]


def test_what_is_coalesced_does_not_use_up_the_count() -> None:
    last = job(what=definition(recurrence=Recurrence(frequency=Frequency.MINUTE, count=2)), next_due=None, planned=2)
    coalesced, latest = let_go(last, Policies(), [held(last, 0), held(last, 1)], NOON + 3 * MINUTE)
    assert (coalesced.unplan, latest.unplan) == (True, False)
    assert coalesced.replan is not None
    assert coalesced.replan > NOON + 3 * MINUTE


def test_what_waits_for_a_host_that_nobody_reports_is_missed_after_the_catch_up_window() -> None:
    of = job(what=definition(host="db-9", catch_up_window=2 * MINUTE))
    waiting = [held(of, 0, under=""), held(of, 2, under="")]
    [release] = give_up(of, waiting, "no watcher has reported db-9 yet", NOON + 3 * MINUTE)
    assert release.row is not None
    assert release.row.status is HistoryStatus.MISSED


def test_what_starts_late_in_its_window_may_wait_for_its_host_as_long_as_others() -> None:
    of = job(what=definition(host="db-9", catch_up_window=2 * MINUTE, flexible_window=60 * MINUTE))
    late = held(of, 0, under="", fire_at=NOON + 30 * MINUTE)
    assert list(give_up(of, [late], "no watcher has reported db-9 yet", NOON + 31 * MINUTE)) == []
    assert list(give_up(of, [late], "no watcher has reported db-9 yet", NOON + 33 * MINUTE))


async def release_all(work: Dispatching, what: JobDefinition, *, rows: int) -> Job:
    """Hold a job's occurrence, let its host be free again, and return the job once it has so many history rows."""
    work.fleet = {(view := host("db-0", threat("db-0", status=STARTED))).key: view}
    await work.add(what)
    await work.until_rows(1)
    work.fleet = {view.key: host("db-0")}
    await work.holds.look()
    await work.until_rows(rows)
    return await work.job()


@pytest.mark.parametrize("on_release", list(OnRelease))
async def test_a_one_time_job_is_completed_however_its_held_occurrence_ends(on_release: OnRelease) -> None:
    what = definition(host="db-0", maintenance=Maintenance(rule=MaintenanceRule(on_release=on_release)))
    async with dispatching() as work:
        assert (await release_all(work, what, rows=2)).state is JobState.COMPLETED


async def test_a_job_with_a_count_makes_up_later_for_what_was_skipped_at_the_release() -> None:
    skip = Maintenance(rule=MaintenanceRule(on_release=OnRelease.SKIP))
    once = Recurrence(frequency=Frequency.SECOND, count=1)
    async with dispatching() as work:
        await release_all(work, definition(host="db-0", maintenance=skip, recurrence=once), rows=3)
        assert [row.status for row in await work.rows()] == ["Postponed", "Skipped", "Completed"]
        assert (await work.job()).state is JobState.COMPLETED


async def test_an_occurrence_missed_for_want_of_a_host_is_counted_as_missed() -> None:
    async with dispatching() as work:
        await work.add(definition(host="db-9", catch_up_window=timedelta(0)))
        await work.until_rows(1)
        await work.holds.look()
        await work.until_rows(2)
        sample = work.metrics.registry.get_sample_value("leeward_executions_total", {"outcome": "missed"})
        assert sample == 1
        assert (await work.job()).state is JobState.COMPLETED
