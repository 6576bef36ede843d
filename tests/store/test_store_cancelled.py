"""A verb that is cancelled at any moment happens whole or not at all, and the store goes on."""

import asyncio
import random
from collections.abc import Awaitable

import pytest

from services.scheduler.store.open import open_store
from tests.parts.stored import MINUTE, NOW, claim, draft, finished, put_collection, register, stored

_SOON = 0.01
_PROMPT = 2


@pytest.mark.parametrize("seed", range(2))
async def test_verbs_cancelled_at_random_leave_a_sound_store_that_is_free_at_once(sql_url: str, seed: int) -> None:
    dice = random.Random(seed)
    async with open_store(sql_url) as store:
        collection = await put_collection(store)
        job = (await store.put_jobs(collection.id, [draft("backup")], NOW))[0].job
        owner = await register(store)
        for turn in range(60):
            verbs: list[Awaitable[object]] = [
                claim(store, owner, at=NOW + turn * MINUTE),
                store.put_jobs(collection.id, [draft(f"job-{turn}")], NOW),
                store.list_held(),
            ]
            await asyncio.gather(*(_cut_short(verb, dice.random() * _SOON) for verb in verbs))
            async with asyncio.timeout(_PROMPT):
                await store.renew(owner, NOW, MINUTE)
        claimed = (await store.gauges(NOW)).occurrences.get("claimed", 0)
        planned = sum(one.planned for one in await store.list_jobs(collection.id, top=100, skip=0))
        assert claimed == planned
        late = next(one for one in await claim(store, owner, at=NOW + 100 * MINUTE) if one.job.id == job.id)
        assert await store.settle(owner, [finished(late)]) == frozenset()
        assert (await stored(store, job)).counters.execution_count == 1


async def _cut_short(verb: Awaitable[object], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await verb
    except TimeoutError:
        return
