"""Azure withdraws an event before it starts."""

from tests.parts.site import Site


async def test_a_cancelled_event_releases_the_host_without_an_approval(site: Site) -> None:
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    await site.targets.until_hit("/pinned")
    event = await site.raise_event("Redeploy", "db-0", source="Platform", noticeSeconds=600)
    await site.until_host(lambda hosts: hosts["db-0"]["held"] > 0)
    await site.azure("POST", f"/events/{event}/cancel")
    known = await site.until_event(event, lambda known: known["outcome"] == "cancelled")
    await site.targets.until_hit("/pinned", after=len(site.targets.hits))
    assert (await site.host("db-0"))["condition"] == "available"
    assert known["approval"]["state"] == "none"
    assert await site.approvals() == []
