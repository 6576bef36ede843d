"""How fast a heap of jobs that are all due already is worked off."""

import time

from tests.bench.contestants import Contestant
from tests.bench.measuring import Range
from tests.parts.waiting import until

_PATIENCE = 180.0


async def drain_rate(range_: Range, contestant: Contestant, jobs: int) -> float:
    """Return the requests per second from the first to the last one, jobs written beforehand."""
    await range_.forget()
    try:
        while not await contestant.burst(jobs, range_.urls):
            await contestant.rest()
            await range_.settled()

        async def all_came() -> bool:
            return await range_.count() >= jobs

        await until(all_came, seconds=_PATIENCE)
        seen = await range_.seen(0, time.time())
    finally:
        await contestant.rest()
        await range_.settled()
    return (jobs - 1) / (seen.latest - seen.first)
