"""A VM is frozen for a while, and its watcher with it."""

import asyncio

from tests.parts.site import Site

FROZEN_SECONDS = 12


async def test_a_frozen_watcher_is_not_taken_for_a_dead_one(site: Site) -> None:
    event = await site.raise_event(
        "Freeze",
        "db-0",
        source="Platform",
        noticeSeconds=1,
        durationSeconds=FROZEN_SECONDS,
        startedSeconds=FROZEN_SECONDS,
    )
    await site.until_condition("db-0", "interrupted")
    site.watchers["db-0"].freeze()
    end = asyncio.get_running_loop().time() + FROZEN_SECONDS
    while asyncio.get_running_loop().time() < end:
        host = await site.host("db-0")
        assert (host["watcher"], host["condition"]) == ("online", "interrupted")
        await asyncio.sleep(0.5)
    site.watchers["db-0"].thaw()
    await site.until_event(event, lambda known: known["outcome"] == "completed")
    assert (await site.host("db-0"))["condition"] == "available"
