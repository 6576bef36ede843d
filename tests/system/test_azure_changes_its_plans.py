"""Azure moves a deadline, withdraws an event, begins early or ends late: both replicas follow at once."""

import pytest

from tests.parts.watched_team import WatchedTeam

pytestmark = pytest.mark.postgresql

HOME = {"host": "db-0"}
RUN_ALL = {"onRelease": "RunAll"}


async def test_a_deadline_that_shrinks_holds_jobs_that_still_had_time(pair: WatchedTeam) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance={"leadTime": "PT30S", **RUN_ALL})
    event = await pair.raise_event("db-0")
    await pair.until_threatened("db-0", event)
    await pair.until_it_runs("/nightly")
    assert await pair.fates("nightly") == {}
    await pair.azure("PATCH", f"/events/{event}", {"noticeSeconds": 25})
    await pair.until_held("nightly", 2)
    assert (await pair.event(event))["status"] == "Scheduled"
    await pair.azure("PATCH", f"/events/{event}", {"noticeSeconds": 600})
    fates = await pair.until_ended("nightly")
    assert {statuses[-1] for statuses in fates.values()} == {"Completed"}


async def test_an_event_cancelled_at_the_last_second_lets_everything_go_and_nothing_is_approved(
    pair: WatchedTeam,
) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance=RUN_ALL)
    await pair.until_it_runs("/nightly")
    event = await pair.raise_event("db-0", noticeSeconds=600)
    await pair.until_held("nightly", 2)
    await pair.azure("PATCH", f"/events/{event}", {"noticeSeconds": 3})
    await pair.azure("POST", f"/events/{event}/cancel")
    known = await pair.until_outcome(event, "cancelled")
    fates = await pair.until_ended("nightly")
    assert {statuses[-1] for statuses in fates.values()} == {"Completed"}
    assert known["approval"]["state"] == "none"
    assert (await pair.azure("GET", "/state"))["approvals"] == []


async def test_an_event_that_starts_early_without_us_stops_jobs_that_had_time_and_is_told_as_somebody_elses(
    pair: WatchedTeam,
) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance={"leadTime": "PT10S", **RUN_ALL})
    event = await pair.raise_event("db-0", startedSeconds=600)
    await pair.until_threatened("db-0", event)
    await pair.until_it_runs("/nightly")
    await pair.azure("POST", f"/events/{event}/start")
    await pair.until_hosts(lambda hosts: hosts["db-0"]["condition"] == "interrupted")
    await pair.until_held("nightly")
    await pair.azure("POST", f"/events/{event}/finish")
    known = await pair.until_outcome(event, "completed")
    assert known["approval"]["state"] == "foreign"
    assert {statuses[-1] for statuses in (await pair.until_ended("nightly")).values()} == {"Completed"}


async def test_jobs_wait_for_as_long_as_an_event_lasts_however_short_it_was_to_be(pair: WatchedTeam) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance={"onRelease": "RunOnce"})
    await pair.until_it_runs("/nightly")
    event = await pair.raise_event("db-0", kind="Freeze", status="Started", durationSeconds=1, startedSeconds=600)
    await pair.until_held("nightly", 4)
    seen = len(pair.targets.hits)
    assert (await pair.event(event))["durationSeconds"] == 1
    await pair.azure("POST", f"/events/{event}/finish")
    fates = list((await pair.until_ended("nightly")).values())
    assert [statuses[-1] for statuses in fates] == ["Skipped"] * (len(fates) - 1) + ["Completed"]
    assert pair.targets.hits[seen].occurrence == list(await pair.fates("nightly"))[-1]
