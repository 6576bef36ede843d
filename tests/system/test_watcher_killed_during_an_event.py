"""A watcher dies while an event is on: its host is neither freed nor held for ever."""

from tests.parts.site import Site
from tests.system.conftest import SiteMaker

WILL_SECONDS = 60
"""Will Delay is 40 s, a heartbeat counts for 45 s: a freeze must never look like a death."""


async def test_a_neighbour_sees_the_event_through(site: Site) -> None:
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    await site.targets.until_hit("/pinned")
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=300, startedSeconds=4)
    await site.watcher_has_published("db-0", "Reboot")
    await site.watchers["db-0"].kill()
    known = await site.until_event(event, lambda known: known["outcome"] == "completed", seconds=WILL_SECONDS)
    assert known["approval"]["state"] == "approved"
    await site.targets.until_hit("/pinned", after=len(site.targets.hits))


async def test_without_a_neighbour_the_host_stays_cordoned_until_the_events_end_and_then_is_silent(
    a_site: SiteMaker,
) -> None:
    async with a_site("web-0", LEEWARD_SILENT_MARGIN_SECONDS="1", LEEWARD_APPROVE="none") as site:
        await site.create_job("pinned", "/pinned", placement={"host": "web-0"})
        await site.targets.until_hit("/pinned")
        event = await site.raise_event("Reboot", "web-0", noticeSeconds=50)
        await site.until_host(lambda hosts: hosts["web-0"]["held"] > 0)
        await site.watchers["web-0"].kill()
        before = len(site.targets.hits)
        await site.until_host(lambda hosts: hosts["web-0"]["watcher"] == "offline", seconds=WILL_SECONDS)
        host = await site.host("web-0")
        assert host["condition"] in {"drained", "cordoned"}
        assert len(site.targets.hits) == before
        await site.until_event(event, lambda known: known["outcome"] == "expired", seconds=WILL_SECONDS)
        assert (await site.host("web-0"))["condition"] == "silent"
        assert await site.metric('leeward_hosts{condition="silent"}') == 1
        await site.targets.until_hit("/pinned", after=before)
        await site.watchers["web-0"].start()
        await site.until_condition("web-0", "interrupted", "cordoned", "drained", "available")
