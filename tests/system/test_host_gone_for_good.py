"""Azure takes a machine away for good: jobs that are pinned to it say so, those of its pool go on without it."""

from tests.parts.site import ADDRESSES, Json, Site

BEFORE, LOST_METRIC = "/pinned", "leeward_hosts_lost"


async def terminate(site: Site, host: str) -> str:
    """Have a host terminated, its watcher stopped with it as the machine goes down; return the event's id."""
    event = await site.raise_event("Terminate", host, startedSeconds=3)
    await site.until_event(event, lambda known: known["status"] == "Started")
    assert await site.watchers[host].stop() == 0
    await site.until_event(event, lambda known: known["outcome"] == "completed")
    return event


async def missed(site: Site, job: str) -> list[Json]:
    """Return a job's rows of occurrences that were missed."""
    return [row for row in await site.history(job) if row["status"] == "Missed"]


async def test_a_pinned_job_is_missed_with_the_reason_its_pool_goes_on_and_a_new_machine_takes_both_up(
    site: Site,
) -> None:
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    await site.create_job("pooled", "/pooled", placement={"host": "db-0", "pool": "db"})
    for path in ("/pinned", "/pooled"):
        await site.targets.until_hit(path, ADDRESSES["db-0"])
    event = await terminate(site, "db-0")

    async def is_missed() -> bool:
        return bool(await missed(site, "pinned"))

    await site.until(is_missed)
    row, host = (await missed(site, "pinned"))[0], await site.host("db-0")
    assert row["reason"].startswith("db-0 is not coming back: its Terminate was over at ")
    assert (host["condition"], host["lost"]["eventId"], host["lost"]["type"]) == ("silent", event, "Terminate")
    assert host["reason"].startswith("lost to a Terminate at ")
    assert await site.metric(LOST_METRIC) == 1
    seen = len(site.targets.hits)
    await site.targets.until_hit("/pooled", ADDRESSES["db-1"], after=seen)
    assert ADDRESSES["db-0"] not in {hit.address for hit in site.targets.hits[seen:]}

    await site.scheduler.stop()
    await site.scheduler.start()
    await site.ready()
    await site.until_host(lambda hosts: "lost" in hosts["db-0"])
    seen = len(site.targets.hits)
    await site.watchers["db-0"].start()
    for path in ("/pinned", "/pooled"):
        await site.targets.until_hit(path, ADDRESSES["db-0"], after=seen)
    assert (await site.host("db-0"))["condition"] == "available"


async def test_a_machine_that_azure_spared_is_used_again_as_its_watcher_still_speaks(site: Site) -> None:
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"}, maintenance={"onRelease": "RunAll"})
    await site.targets.until_hit("/pinned")
    event = await site.raise_event("Preempt", "db-0", source="User", startedSeconds=1)
    await site.until_event(event, lambda known: known["outcome"] == "completed")
    held = await site.host("db-0")
    await site.until_condition("db-0", "available")
    await site.targets.until_hit("/pinned", after=len(site.targets.hits))
    assert held["condition"] == "interrupted"
    assert await missed(site, "pinned") == []
