"""A Reboot is announced for one host of a pool."""

from tests.parts.site import ADDRESSES, Site


async def test_jobs_move_to_the_other_host_of_the_pool_and_back(site: Site) -> None:
    await site.create_job("backup", "/backup", placement={"host": "db-0", "pool": "db"})
    await site.targets.until_hit("/backup", ADDRESSES["db-0"])
    event = await site.raise_event("Reboot", "db-0", durationSeconds=2)
    moved = await site.targets.until_hit("/backup", ADDRESSES["db-1"])
    assert moved.headers["x-leeward-host"] == "db-1"
    await site.until_event(event, lambda known: known["outcome"] == "completed")
    await site.targets.until_hit("/backup", ADDRESSES["db-0"], after=len(site.targets.hits))
    rows = await site.history("backup")
    assert any("moved off db-0" in row["reason"] for row in rows if row["host"] == "db-1")


async def test_the_event_is_approved_once_drained_and_the_record_says_who_and_why(site: Site) -> None:
    await site.create_job("backup", "/backup", placement={"pool": "db"})
    await site.targets.until_hit("/backup")
    event = await site.raise_event("Reboot", "db-0")
    known = await site.until_event(event, lambda known: known["approval"]["state"] == "approved")
    assert known["approval"]["by"].startswith("one via db-")
    assert known["approval"]["reason"]
    assert known["hosts"]["db-0"]["drain"] == "drained"
    assert {approval["eventId"] for approval in await site.approvals()} == {event}
    await site.until_event(event, lambda known: known["outcome"] == "completed")


async def test_a_platform_event_is_not_approved_by_default(site: Site) -> None:
    event = await site.raise_event("Reboot", "db-0", source="Platform", noticeSeconds=3)
    known = await site.until_event(event, lambda known: known["outcome"] == "completed")
    assert known["approval"]["state"] == "none"
    assert await site.approvals() == []
