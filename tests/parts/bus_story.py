"""A run of a whole site in which everything is said on the bus that there is to say; docs/asyncapi.yaml shows it."""

from pathlib import Path

from tests.parts.bus_recorder import BusRecorder, Heard, recording
from tests.parts.site import Site

HOSTS = ("db-0", "db-1", "web-0")
WORK = ("running", "held", "rerouted")


async def everything_said(folder: Path) -> list[Heard]:
    """Return every message of a site's life from its start to its end."""
    site = Site(folder, hosts=HOSTS, settings={})
    async with site.running(), recording(site.broker.port) as bus:
        await _jobs_run(site, bus)
        await _an_event_takes_its_course(site, bus)
        await _another_is_withdrawn(site, bus)
        await _a_host_is_lost(site, bus)
        await _everybody_leaves(site, bus)
    return bus.heard


def shows_all_work(drain: Heard) -> bool:
    """Whether a drain tells of something running, held and rerouted."""
    return drain.payload != b"" and not any(f'"{what}":0'.encode() in drain.payload for what in WORK)


async def _jobs_run(site: Site, bus: BusRecorder) -> None:
    await site.create_job("backup", "/backup", placement={"host": "db-0", "pool": "db"})
    await site.create_job("vacuum", "/vacuum", placement={"host": "db-0"})
    await site.create_job("probe", "/fail", placement={"host": "web-0"})
    await bus.until_topic("/demo/backup", "execution.succeeded")
    await bus.until_topic("/demo/probe", "execution.failed")


async def _an_event_takes_its_course(site: Site, bus: BusRecorder) -> None:
    """One job still runs and somebody blocks; then Azure may go ahead, and what was held is released."""
    await site.create_job("copy", "/gated", placement={"host": "db-0"}, every=None)
    await site.targets.until_hit("/gated")
    await bus.say("hosts/db-0/blocks/nightly-copy", b'{"reason": "the nightly copy runs"}')
    event = await site.raise_event("Reboot", "db-0")
    await bus.until_topic("notices/db-0/scheduled")
    await bus.until_topic("/demo/backup", "execution.rerouted")
    await bus.until_topic("/demo/vacuum", "execution.held")
    await bus.until(lambda each: each.topic.endswith(f"drains/{event}") and shows_all_work(each))
    await site.azure("PATCH", f"/events/{event}", {"noticeSeconds": 120})
    await bus.until_topic("notices/db-0/rescheduled")
    site.targets.gate.set()
    await bus.until_topic(f"drains/{event}", "drained")
    await bus.say("hosts/db-0/blocks/nightly-copy", b"")
    await bus.until_topic("commands/approve", event)
    await bus.until_topic("notices/db-0/started")
    await bus.until_topic("notices/db-0/completed")
    await bus.until_topic("/demo/vacuum", "execution.released")


async def _another_is_withdrawn(site: Site, bus: BusRecorder) -> None:
    event = await site.raise_event("Redeploy", "db-1", source="Platform", noticeSeconds=600)
    await bus.until_topic("notices/db-1/scheduled")
    await bus.until_topic(f"drains/{event}", "drained")
    await site.azure("POST", f"/events/{event}/cancel")
    await bus.until_topic("notices/db-1/cancelled")
    await bus.until(lambda each: each.topic.endswith(f"drains/{event}") and not each.payload)


async def _a_host_is_lost(site: Site, bus: BusRecorder) -> None:
    """Nobody can stand in for it: what would have run there is missed."""
    event = await site.raise_event("Terminate", "web-0", durationSeconds=1)
    await bus.until_topic("/demo/probe", "execution.held")
    await bus.until(lambda each: "/replies/" in each.topic and event.encode() in each.payload)
    await site.watchers["web-0"].stop()
    await bus.until_topic("/demo/probe", "execution.missed")


async def _everybody_leaves(site: Site, bus: BusRecorder) -> None:
    await site.scheduler.stop()
    await bus.until_topic("scheduler/one/status", "offline")
    await site.watchers["db-0"].stop()
    await bus.until_topic("hosts/db-0/status", "offline")
