"""Several events at once, an operator's cordon among them, on two replicas that share the work."""

from datetime import datetime

import pytest

from services.scheduler.domain.threats import LEAD_MARGIN
from tests.parts.site import ADDRESSES
from tests.parts.watched_team import HOSTS, WatchedTeam

pytestmark = pytest.mark.postgresql

HOME = {"host": "db-0"}
RUN_ALL = {"onRelease": "RunAll"}


async def test_what_a_whole_pool_held_is_released_in_due_order_when_one_host_is_back(pair: WatchedTeam) -> None:
    await pair.create_job("pooled", "/pooled", placement={"pool": "db"}, maintenance=RUN_ALL, overlap="QueueOne")
    await pair.until_it_runs("/pooled")
    first = await pair.raise_event("db-0", status="Started", startedSeconds=600)
    second = await pair.raise_event("db-1", status="Started", startedSeconds=600)
    await pair.until_held("pooled", 3)
    await pair.call(pair.replicas[0], "PATCH", "/collections/demo/jobs/pooled", {"recurrence": {"interval": 1000}})
    seen = len(pair.targets.hits)
    await pair.azure("POST", f"/events/{second}/finish")
    fates = await pair.until_ended("pooled")
    ran = pair.targets.hits[seen:]
    dues = [datetime.fromisoformat(hit.due) for hit in ran]
    assert dues == sorted(dues)
    assert {hit.occurrence for hit in ran} == set(fates)
    assert {hit.address for hit in ran} == {ADDRESSES["db-1"]}
    await pair.until_threatened("db-0", first)


async def test_the_last_one_standing_runs_jobs_until_shortly_before_its_own_event(pair: WatchedTeam) -> None:
    policy = {"lastStanding": "RunOnLeastUrgent", **RUN_ALL}
    await pair.create_job("pooled", "/pooled", placement={"pool": "db"}, maintenance=policy, timeout="PT2S")
    await pair.raise_event("db-0", status="Started", startedSeconds=600)
    later = await pair.raise_event("db-1")
    await pair.until_threatened("db-1", later)
    assert (await pair.until_it_runs("/pooled")).address == ADDRESSES["db-1"]
    assert await pair.fates("pooled") == {}
    await pair.azure("PATCH", f"/events/{later}", {"noticeSeconds": 6})
    await pair.until_held("pooled")
    due = datetime.fromisoformat((await pair.event(later))["notBefore"])
    assert pair.targets.hits[-1].at < due - LEAD_MARGIN / 2


@pytest.mark.parametrize("first_over", [0, 1])
async def test_a_host_with_two_events_is_free_only_after_both_whichever_ends_first(
    pair: WatchedTeam, first_over: int
) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance=RUN_ALL)
    await pair.until_it_runs("/nightly")
    lasting = {"status": "Started", "startedSeconds": 600}
    events = [await pair.raise_event("db-0", kind=kind, **lasting) for kind in ("Freeze", "Reboot")]
    await pair.until_threatened("db-0", *events)
    await pair.until_held("nightly")
    await pair.azure("POST", f"/events/{events[first_over]}/finish")
    await pair.until_threatened("db-0", events[1 - first_over])
    seen = len(pair.targets.hits)
    await pair.until_held("nightly", len(await pair.fates("nightly")) + 2)
    assert len(pair.targets.hits) == seen
    await pair.azure("POST", f"/events/{events[1 - first_over]}/finish")
    assert {statuses[-1] for statuses in (await pair.until_ended("nightly")).values()} == {"Completed"}


async def test_an_operators_cordon_outlives_the_event_on_its_host_on_every_replica(pair: WatchedTeam) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance=RUN_ALL)
    await pair.until_it_runs("/nightly")
    event = await pair.raise_event("db-0", status="Started", startedSeconds=600)
    await pair.until_threatened("db-0", event)
    await pair.call(pair.replicas[0], "POST", "/hosts/db-0/cordon", {"reason": "a disk is changed"})
    await pair.azure("POST", f"/events/{event}/finish")
    await pair.until_outcome(event, "completed")
    await pair.until_hosts(lambda hosts: hosts["db-0"]["condition"] == "cordoned" and not hosts["db-0"]["events"])
    seen = len(pair.targets.hits)
    await pair.until_held("nightly", len(await pair.fates("nightly")) + 2)
    assert len(pair.targets.hits) == seen
    await pair.call(pair.replicas[1], "POST", "/hosts/db-0/release", {})
    assert {statuses[-1] for statuses in (await pair.until_ended("nightly")).values()} == {"Completed"}


async def test_once_an_event_is_published_no_replica_starts_anything_on_its_host(pair: WatchedTeam) -> None:
    for number in range(10):
        await pair.create_job(f"tick-{number}", f"/tick-{number}", placement={"pool": "db", "host": HOSTS[number % 2]})
    await pair.all_work()
    event = await pair.raise_event("db-0")
    await pair.until_threatened("db-0", event)
    seen = len(pair.targets.hits)
    await pair.all_work()
    await pair.targets.until(lambda hits: len(hits) >= seen + 20)
    assert {hit.address for hit in pair.targets.hits[seen:]} == {ADDRESSES["db-1"]}
