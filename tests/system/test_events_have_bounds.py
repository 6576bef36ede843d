"""An event that never ends, and one that would take too much of a pool: jobs run all the same, and it is said."""

from tests.parts.site import ADDRESSES, Site
from tests.system.conftest import SiteMaker

FOREVER = 86_400


async def test_held_jobs_run_again_when_the_hold_of_an_event_that_never_ends_is_over(a_site: SiteMaker) -> None:
    async with a_site("db-0", LEEWARD_HOLD_HOURS="0.002") as site:
        await site.create_job("pinned", "/pinned", placement={"host": "db-0"}, maintenance={"onRelease": "RunAll"})
        await site.targets.until_hit("/pinned")
        event = await started_for_ever(site)
        await site.until_host(lambda hosts: hosts["db-0"]["held"] >= 2)
        known = await site.until_event(event, lambda known: known["hosts"]["db-0"].get("spared") == "hold")
        assert (known["outcome"], known["approval"]["state"]) == ("active", "none")
        await site.until_host(lambda hosts: hosts["db-0"]["held"] == 0)
        await site.targets.until_hit("/pinned", after=len(site.targets.hits))
        assert (await site.host("db-0"))["condition"] == "available"
        assert await site.metric("leeward_holds_ended_total") == 1
        assert "event keeps no jobs off this host" in site.scheduler.said
        held = {row["occurrenceId"] for row in await site.history("pinned") if row["status"] == "Postponed"}

        async def all_have_run() -> bool:
            return held <= {hit.occurrence for hit in site.targets.hits}

        await site.until(all_have_run)  # one after the other
        assert len(held) >= 2


async def started_for_ever(site: Site) -> str:
    raised = await site.raise_event(
        "Freeze", "db-0", source="Platform", noticeSeconds=0, durationSeconds=FOREVER, startedSeconds=FOREVER
    )
    await site.until_condition("db-0", "interrupted")
    return raised


async def test_an_event_on_the_whole_pool_leaves_its_share_of_hosts_in_use(a_site: SiteMaker) -> None:
    async with a_site("db-0", "db-1", LEEWARD_EVENT_POOL_SHARE="0.5") as site:
        await site.create_job("backup", "/backup", placement={"pool": "db"})
        await site.targets.until_hit("/backup")
        event = await site.raise_event("Reboot", "db-0", "db-1", noticeSeconds=120)
        await site.until_event(event, lambda known: known["hosts"]["db-1"].get("spared") == "share")
        await site.until_condition("db-0", "cordoned", "drained")
        assert (await site.host("db-1"))["condition"] == "available"
        for _ in range(2):
            hit = await site.targets.until_hit("/backup", after=len(site.targets.hits))
            assert hit.address == ADDRESSES["db-1"]
        assert await site.metric("leeward_pool_share_exceeded_total") >= 1
        assert (await site.event(event))["approval"]["state"] == "none"
        assert await site.approvals() == []
