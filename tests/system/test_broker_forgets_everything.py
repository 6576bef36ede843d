"""The broker is killed and comes back without its persistence file."""

from tests.parts.site import ADDRESSES, Site


async def test_a_broker_that_forgot_everything_changes_nothing_that_lasts(site: Site) -> None:
    await site.create_job("backup", "/backup", placement={"host": "db-0", "pool": "db"})
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    event = await site.raise_event("Redeploy", "db-0", source="Platform", noticeSeconds=600)
    await site.targets.until_hit("/backup", ADDRESSES["db-1"])
    await site.broker.kill()
    site.broker.wipe()
    during = len(site.targets.hits)
    await site.targets.until_hit("/backup", ADDRESSES["db-1"], after=during)
    await site.broker.start()
    await site.until_bus(connected=True)
    await site.targets.until_hit("/backup", ADDRESSES["db-1"], after=len(site.targets.hits) + 1)
    assert ADDRESSES["db-0"] not in {hit.address for hit in site.targets.hits[during:]}
    assert (await site.event(event))["outcome"] == "active"
    await site.azure("POST", f"/events/{event}/cancel")
    await site.until_event(event, lambda known: known["outcome"] == "cancelled")
    await site.targets.until_hit("/pinned", after=len(site.targets.hits))


async def test_retained_state_is_published_again_for_those_who_come_later(site: Site) -> None:
    await site.raise_event("Redeploy", "db-0", source="Platform", noticeSeconds=600)
    await site.until_condition("db-0", "cordoned", "drained")
    await site.broker.kill()
    site.broker.wipe()
    await site.broker.start()
    heard = await site.retained("hosts/+/events", "hosts/+/inventory", "hosts/+/status", "hosts/+/drains/+", count=7)
    assert {topic.split("/")[4] for topic in heard} == {"events", "inventory", "status", "drains"}
