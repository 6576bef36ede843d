"""Every scheduler is down while events come and go."""

import pytest

from tests.parts.watched_team import WatchedTeam, restart

pytestmark = pytest.mark.postgresql

HOME = {"host": "db-0"}
RUN_ALL = {"onRelease": "RunAll"}


@pytest.mark.parametrize(
    ("on_release", "ends"),
    [("RunOnce", {"Skipped", "Completed"}), ("RunAll", {"Completed"}), ("Skip", {"Skipped"})],
)
async def test_what_was_held_before_all_schedulers_went_down_ends_as_its_policy_says_once_they_are_back(
    pair: WatchedTeam, on_release: str, ends: set[str]
) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance={"onRelease": on_release}, catchUp="Skip")
    await pair.until_it_runs("/nightly")
    held_for = await pair.raise_event("db-0", status="Started", startedSeconds=600)
    await pair.until_held("nightly", 3)
    for replica in pair.replicas:
        await replica.program.kill()
    await pair.azure("POST", f"/events/{held_for}/finish")
    unseen = await pair.raise_event("db-0", kind="Redeploy", status="Started", startedSeconds=600)
    await pair.azure("POST", f"/events/{unseen}/finish")
    await restart(pair, pair.replicas)
    fates = await pair.until_ended("nightly")
    assert {statuses[-1] for statuses in fates.values()} == ends
    assert (await pair.event(held_for))["outcome"] == "completed"
    await pair.until_hosts(lambda hosts: hosts["db-0"]["condition"] == "available")


async def test_an_event_that_came_while_all_schedulers_were_down_holds_jobs_from_their_first_moment(
    pair: WatchedTeam,
) -> None:
    await pair.create_job("nightly", "/nightly", placement=HOME, maintenance=RUN_ALL, catchUp="RunAll")
    await pair.until_it_runs("/nightly")
    for replica in pair.replicas:
        await replica.program.kill()
    event = await pair.raise_event("db-0", status="Started", startedSeconds=600)
    await pair.until_published("db-0", event)
    seen = len(pair.targets.hits)
    await restart(pair, pair.replicas)
    await pair.until_held("nightly", 2)
    assert len(pair.targets.hits) == seen
    await pair.azure("POST", f"/events/{event}/finish")
    assert {statuses[-1] for statuses in (await pair.until_ended("nightly")).values()} == {"Completed"}
