"""Two schedulers whose machines' clocks are ten seconds apart: jobs run by the database's, which both share."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.parts.postgres import Postgres
from tests.parts.replicas import repeated, team

pytestmark = pytest.mark.postgresql

_LIBRARY = "faketime/libfaketime.so.1"


def with_clock(seconds: int) -> dict[str, str]:
    """Return the environment of a process whose clock of day is so much ahead; its steady time stays true."""
    [library] = Path("/usr/lib").glob(f"*/{_LIBRARY}")
    return {"LD_PRELOAD": str(library), "FAKETIME": f"{seconds:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


async def test_each_occurrence_runs_once_and_in_time_whichever_replica_has_it(
    tmp_path: Path, postgres: Postgres
) -> None:
    async with team(tmp_path, await postgres.new_database()) as both:
        fast = await both.start("fast", environment=with_clock(5))
        slow = await both.start("slow", environment=with_clock(-5))
        await both.ready()
        await both.create_ticks(20)
        await both.all_work()
        seen = len(both.targets.hits)
        await both.targets.until(lambda hits: len(hits) > seen + 60)
        late = {hit.at - datetime.fromisoformat(hit.due) for hit in both.targets.hits[seen:]}
        assert -timedelta(milliseconds=10) < min(late) < max(late) < timedelta(seconds=1)
        assert repeated(both.targets.hits) == []
        await both.until_caught_up(seconds=3)
        assert await both.metric(fast, "leeward_clock_offset_seconds") == pytest.approx(5, abs=0.5)
        assert await both.metric(slow, "leeward_clock_offset_seconds") == pytest.approx(-5, abs=0.5)
        for replica in both.replicas:
            assert await both.metric(replica, "leeward_leases_lost_total") == 0
