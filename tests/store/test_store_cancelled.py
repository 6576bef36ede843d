"""A verb that is cancelled at any moment happens whole or not at all, and the store goes on."""

import asyncio
import random

import pytest

from services.scheduler.store.open import open_store
from tests.parts.stored import MINUTE, NOW, claim, draft, finished, put_collection, register, stored


@pytest.mark.parametrize("seed", range(2))
async def test_verbs_cancelled_at_random_leave_a_sound_store(sql_url: str, seed: int) -> None:
    dice = random.Random(seed)
    async with open_store(sql_url) as store:
        collection = await put_collection(store)
        job = (await store.put_jobs(collection.id, [draft("backup")], NOW))[0].job
        owner = await register(store)
        for turn in range(60):
            at = NOW + turn * MINUTE
            verbs = [
                claim(store, owner, at=at),
                store.put_jobs(collection.id, [draft(f"job-{turn}")], NOW),
                store.list_held(),
            ]
            await asyncio.gather(*(_cut_short(verb, dice.random() * 0.01) for verb in verbs), return_exceptions=True)
        before = await stored(store, job)
        unfinished = (await store.gauges(NOW)).occurrences.get("claimed", 0)
        jobs = await store.list_jobs(collection.id, top=100, skip=0)
        assert unfinished == sum(one.planned for one in jobs)
        [late] = [one for one in await claim(store, owner, at=NOW + 100 * MINUTE) if one.job.id == job.id]
        assert late.job.planned == before.planned + 1
        assert await store.settle(owner, [finished(late)]) == frozenset()


async def _cut_short(verb: object, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await verb
