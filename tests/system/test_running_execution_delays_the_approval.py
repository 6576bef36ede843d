"""Something still runs on the host when its event is announced."""

from tests.parts.site import ADDRESSES, Site


async def test_azure_is_told_only_after_the_execution_has_ended(site: Site) -> None:
    await site.create_job("dump", "/gated", every=None, placement={"host": "db-0"})
    await site.targets.until_hit("/gated")
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=300)
    known = await site.until_event(event, lambda known: known["hosts"].get("db-0", {}).get("running") == 1)
    assert known["hosts"]["db-0"]["drain"] == "draining"
    assert await site.approvals() == []
    site.targets.gate.set()
    await site.until_event(event, lambda known: known["approval"]["state"] == "approved")
    assert len(await site.approvals()) >= 1


async def test_an_execution_that_crosses_the_deadline_makes_the_drain_overdue_and_is_never_approved(site: Site) -> None:
    await site.create_job("dump", "/gated", every=None, placement={"host": "db-0"})
    await site.targets.until_hit("/gated")
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=2, startedSeconds=4)
    await site.until_event(event, lambda known: known["hosts"].get("db-0", {}).get("drain") == "overdue")
    site.targets.gate.set()
    known = await site.until_event(event, lambda known: known["outcome"] == "completed")
    assert known["approval"]["state"] == "none"
    assert await site.approvals() == []


async def test_an_execution_that_is_not_to_wait_is_broken_off_and_repeated_elsewhere(site: Site) -> None:
    await site.create_job(
        "dump",
        "/gated",
        every=None,
        placement={"host": "db-0", "pool": "db"},
        maintenance={"inFlight": "Cancel"},
    )
    first = await site.targets.until_hit("/gated")
    await site.raise_event("Reboot", "db-0", noticeSeconds=300)
    again = await site.targets.until_hit("/gated", ADDRESSES["db-1"])
    assert (again.occurrence, again.attempt) == (first.occurrence, first.attempt + 1)


async def test_a_block_delays_the_approval_until_it_is_cleared(site: Site) -> None:
    topic = "leeward/v1/hosts/db-0/blocks/backup"
    async with site.client() as bus:
        bus.keep(topic, b'{"reason": "the nightly copy runs"}')
        assert await bus.flush(5)
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=300)
        await site.until_event(event, lambda known: known["hosts"].get("db-0", {}).get("drain") == "drained")
        assert (await site.event(event))["approval"]["state"] == "none"
        bus.clear(topic)
        await site.until_event(event, lambda known: known["approval"]["state"] == "approved")
