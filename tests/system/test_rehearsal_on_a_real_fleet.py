"""A rehearsal on two replicas with watched hosts: jobs move and wait, nothing is approved, everything is released."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.parts.postgres import Postgres
from tests.parts.site import ADDRESSES, Json
from tests.parts.waiting import until
from tests.parts.watched_team import HOSTS, WatchedTeam, restart, watched_team

pytestmark = pytest.mark.postgresql

PINNED = {"host": "db-0"}
MOVABLE = {"host": "db-0", "pool": "db"}
FAR = {"noticeSeconds": 600, "durationSeconds": 60}


@pytest.fixture
async def eager(tmp_path: Path, postgres: Postgres) -> AsyncIterator[WatchedTeam]:
    """Two replicas that approve whatever may be approved; `moves` and `waits` run on db-0."""
    async with watched_team(tmp_path, await postgres.new_database(), LEEWARD_APPROVE="all") as both:
        await both.create_job("moves", "/moves", placement=MOVABLE)
        await both.create_job("waits", "/waits", placement=PINNED)
        for path in ("/moves", "/waits"):
            assert (await both.until_it_runs(path)).address == ADDRESSES["db-0"]
        yield both


async def rehearse(team: WatchedTeam, **more: object) -> Json:
    """Announce a Reboot of db-0 through one replica, and wait until both heed it."""
    event: Json = await team.call(
        team.replicas[0], "POST", "/rehearsals", {"type": "Reboot", "hosts": ["db-0"], **more}
    )
    await team.until_threatened("db-0", event["eventId"])
    return event


async def approvals(team: WatchedTeam) -> float:
    """Return how often Azure was told to go ahead."""
    name = 'leeward_approvals_total{outcome="approved"}'
    return sum([await team.metric(replica, name) for replica in team.replicas])


async def until_drained(team: WatchedTeam, event_id: str) -> None:
    async def is_drained() -> bool:
        return bool((await team.event(event_id))["hosts"]["db-0"]["drain"] == "drained")

    await until(is_drained)


async def until_moved(team: WatchedTeam) -> None:
    async def is_there() -> bool:
        return (await team.until_it_runs("/moves")).address == ADDRESSES["db-1"]

    await until(is_there)


async def until_all_is_as_before(team: WatchedTeam) -> None:
    """Wait until both hosts are available, nothing is held, and jobs run on their own host again."""
    await team.until_hosts(lambda hosts: all(hosts[name]["condition"] == "available" for name in HOSTS))
    await team.until_ended("waits")
    assert (await team.until_it_runs("/waits")).address == ADDRESSES["db-0"]


async def test_jobs_move_and_wait_nothing_is_approved_and_everything_is_released(eager: WatchedTeam) -> None:
    event = await rehearse(eager, noticeSeconds=6, durationSeconds=3)
    event_id = event["eventId"]
    await until_moved(eager)
    await eager.until_held("waits")
    await until_drained(eager, event_id)
    await eager.until_hosts(lambda hosts: hosts["db-0"]["condition"] == "interrupted")
    over = await eager.until_outcome(event_id, "completed")
    assert (over["approval"]["state"], over["source"]) == ("none", "Rehearsal")
    assert over["startedAt"] == event["notBefore"]
    await until_all_is_as_before(eager)
    assert await approvals(eager) == 0
    decided = (await eager.call(eager.replicas[1], "GET", "/collections/demo/jobs/waits/decisions"))["value"]
    assert event_id in {decision["event"]["eventId"] for decision in decided if "event" in decision}


async def test_it_goes_on_when_every_scheduler_is_started_again_and_is_called_off_through_either(
    eager: WatchedTeam,
) -> None:
    event_id = (await rehearse(eager, **FAR))["eventId"]
    await eager.until_held("waits")
    for replica in eager.replicas:
        await replica.program.kill()
    await restart(eager, eager.replicas)
    await eager.until_threatened("db-0", event_id)
    await until_moved(eager)
    await eager.call(eager.replicas[1], "DELETE", f"/rehearsals/{event_id}")
    assert (await eager.until_outcome(event_id, "cancelled"))["approval"]["state"] == "none"
    await until_all_is_as_before(eager)


async def test_its_end_comes_though_no_scheduler_is_there_to_see_it(eager: WatchedTeam) -> None:
    event = await rehearse(eager, noticeSeconds=5, durationSeconds=1)
    await eager.until_held("waits")
    for replica in eager.replicas:
        await replica.program.kill()
    end = datetime.fromisoformat(event["notBefore"]) + timedelta(seconds=1)

    async def is_past() -> bool:
        return datetime.now(UTC) > end

    await until(is_past)
    await restart(eager, eager.replicas)
    over = await eager.until_outcome(event["eventId"], "completed")
    assert datetime.fromisoformat(over["endedAt"]) == end
    await until_all_is_as_before(eager)


async def test_a_real_event_on_its_host_is_approved_and_passes_as_ever(eager: WatchedTeam) -> None:
    rehearsal = (await rehearse(eager, **FAR))["eventId"]
    real = await eager.raise_event("db-0", startedSeconds=4)
    await eager.until_threatened("db-0", rehearsal, real)
    over = await eager.until_outcome(real, "completed")
    assert over["approval"]["state"] == "approved"
    assert await approvals(eager) == 1
    await eager.until_threatened("db-0", rehearsal)
    await eager.call(eager.replicas[0], "DELETE", f"/rehearsals/{rehearsal}")
    await until_all_is_as_before(eager)
