"""A host fails: its event has no Scheduled phase."""

from tests.parts.site import ADDRESSES, Site


async def test_jobs_leave_the_host_at_once_and_nobody_asks_for_an_approval(site: Site) -> None:
    await site.create_job("backup", "/backup", placement={"host": "db-0", "pool": "db"})
    await site.targets.until_hit("/backup")
    event = await site.raise_event("Reboot", "db-0", status="Started", source="Platform", startedSeconds=4)
    await site.until_condition("db-0", "interrupted")
    await site.targets.until_hit("/backup", ADDRESSES["db-1"])
    known = await site.until_event(event, lambda known: known["outcome"] == "completed")
    assert known["approval"]["state"] == "none"
    await site.targets.until_hit("/backup", ADDRESSES["db-0"], after=len(site.targets.hits))
