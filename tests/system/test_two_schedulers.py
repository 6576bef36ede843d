"""Two schedulers on one PostgreSQL: both work, nothing runs twice, and one takes over when the other dies or hangs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.parts.postgres import Postgres
from tests.parts.replicas import LEASE_SECONDS, Team, repeated, team

pytestmark = pytest.mark.postgresql


@pytest.fixture
async def pair(tmp_path: Path, postgres: Postgres) -> AsyncIterator[Team]:
    """Two replicas at work."""
    async with team(tmp_path, await postgres.new_database()) as both:
        for name in ("one", "two"):
            await both.start(name)
        await both.ready()
        yield both


async def test_both_work_and_no_occurrence_runs_twice(pair: Team) -> None:
    await pair.create_ticks(20)
    for replica in pair.replicas:
        await pair.until_metric(replica, 'leeward_executions_total{outcome="succeeded"}', 1)
    await pair.targets.until(lambda hits: len(hits) > 100)
    assert repeated(pair.targets.hits) == []
    assert {hit.attempt for hit in pair.targets.hits} == {1}


async def test_what_a_killed_replica_had_claimed_is_sent_within_two_seconds(pair: Team, postgres: Postgres) -> None:
    await postgres.until_locks_tell()
    await pair.create_ticks(30)
    await pair.all_work()
    killed, survivor = pair.replicas
    await pair.kill_with_claims(killed)
    seen = len(pair.targets.hits)
    await pair.until_metric(survivor, 'leeward_lease_takeovers_total{cause="dead"}', 1, seconds=2.5)
    assert await pair.metric(survivor, "leeward_rescued_occurrences_total") > 0
    await pair.until_caught_up(seconds=1)
    late = [hit for hit in pair.targets.hits[seen:] if hit.at - datetime.fromisoformat(hit.due) > timedelta(seconds=2)]
    assert (late, repeated(pair.targets.hits)) == ([], [])


async def test_the_other_one_repeats_what_ran_on_the_one_that_died(pair: Team, postgres: Postgres) -> None:
    await postgres.until_locks_tell()
    await pair.create_job("dump", "/gated", every=None)
    first = await pair.targets.until_hit("/gated")
    await (await pair.runs_on()).program.kill()
    again = await pair.targets.until_hit("/gated", after=1, seconds=3)
    assert (again.occurrence, again.attempt) == (first.occurrence, first.attempt + 1)


async def test_one_that_was_frozen_longer_than_its_lease_fires_nothing_stale_and_works_on(pair: Team) -> None:
    await pair.create_job("dump", "/gated", every=None)
    first = await pair.targets.until_hit("/gated")
    frozen = await pair.runs_on()
    await pair.create_ticks(10)
    frozen.program.freeze()
    # Frozen in the middle of a transaction it has locks, which the others take away.
    again = await pair.targets.until_hit("/gated", after=1, seconds=LEASE_SECONDS + 10)
    frozen.program.thaw()
    pair.targets.gate.set()
    await pair.until_metric(frozen, "leeward_leases_lost_total", 1)
    await pair.all_work()
    assert (again.occurrence, again.attempt) == (first.occurrence, first.attempt + 1)
    assert repeated(pair.targets.hits) == []
    assert await pair.metric(frozen, "leeward_outcomes_refused_total") >= 1


@pytest.mark.parametrize("change", ["the gate", "the jobs"])
async def test_what_one_replica_is_told_of_jobs_holds_for_what_the_other_has_claimed_of_them(
    pair: Team, change: str
) -> None:
    await pair.create_ticks(30)
    await pair.all_work()
    claimed = {each.name: await pair.metric(each, "leeward_claim_batch_occurrences_sum") for each in pair.replicas}
    told = min(pair.replicas, key=lambda each: claimed[each.name])
    if change == "the gate":
        await pair.call(told, "PUT", "/collections/demo", {"state": "Disabled"})
    else:
        changed = [{"name": f"tick-{number}", **pair.job("/changed", state="Disabled")} for number in range(30)]
        await pair.call(told, "POST", "/collections/demo/jobs:batch", {"value": changed})
    silent_from = datetime.now(UTC) + timedelta(seconds=0.25)
    await pair.targets.until_silent(seconds=1.5)
    assert [hit.path for hit in pair.targets.hits if hit.at > silent_from] == []
