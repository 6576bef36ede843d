"""A collection's policy is changed through one replica: the others know at once, and decide by it."""

from pathlib import Path
from typing import Any

import pytest

from tests.parts.postgres import Postgres
from tests.parts.replicas import Replica, Team, team
from tests.parts.waiting import until

pytestmark = pytest.mark.postgresql

JOB = "/collections/demo/jobs/tick"
FLEET = '{"lastStanding": "RunOnLeastUrgent", "byType": {"Reboot": {"leadTime": "auto"}}}'
AT_ONCE = 1.0
"""Seconds; without an announcement it would take five."""


async def resolved(both: Team, replica: Replica) -> dict[str, Any]:
    """Return what applies to the job, as one replica decides."""
    maintenance: dict[str, Any] = (await both.call(replica, "GET", JOB))["resolved"]["maintenance"]
    return maintenance


async def test_a_policy_put_through_one_replica_is_decided_by_on_the_other_at_once(
    tmp_path: Path, postgres: Postgres
) -> None:
    async with team(tmp_path, await postgres.new_database()) as both:
        for name in ("one", "two"):
            await both.start(name, environment={"LEEWARD_MAINTENANCE": FLEET})
        await both.ready()
        writer, reader = both.replicas
        await both.create_job("tick", "/tick", every=60)

        for strategy, level in (("Ignore", "collection"), ("Reroute", "collection"), (None, "default")):
            await both.call(writer, "PATCH", "/collections/demo", {"maintenance": {"strategy": strategy}})
            assert (await resolved(both, writer))["from"]["strategy"] == level
            shown = strategy or "Hold"

            async def is_known(shown: str = shown) -> bool:
                return bool((await resolved(both, reader))["strategy"] == shown)

            await until(is_known, seconds=AT_ONCE)

        late = await both.start("late", environment={"LEEWARD_MAINTENANCE": '{"inFlight": "Cancel"}'})
        await both.call(writer, "PATCH", "/collections/demo", {"maintenance": {"onRelease": "Skip"}})
        await both.ready()
        assert (await resolved(both, reader))["byType"]["Reboot"]["leadTime"] == "auto"
        assert (await resolved(both, late))["from"] == {
            "strategy": "default",
            "leadTime": "default",
            "inFlight": "fleet",
            "atDeadline": "default",
            "lastStanding": "default",
            "onRelease": "collection",
        }
