"""What happens while somebody looks at the dashboards: events come, jobs fail, are held, moved and missed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from shared.bus import Publication
from tests.parts.collector import Collector
from tests.parts.prometheus import Prometheus, Scrape
from tests.parts.site import Site
from tests.parts.waiting import until

HOSTS: Final = ("db-0", "db-1", "web-0")
SCHEDULERS: Final = "leeward-scheduler"
WATCHERS: Final = "leeward-vmwatch"
VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {"fleet": ".*", "scheduler": SCHEDULERS, "replica": ".*", "watcher": WATCHERS, "vm": ".*"}
)


class Stage:
    """A running site, the Prometheus that scrapes it, and the collector that its traces go to."""

    def __init__(self, site: Site, prometheus: Prometheus, collector: Collector) -> None:
        self.since = datetime.now(UTC)
        self.site = site
        self.prometheus = prometheus
        self.collector = collector


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Start a site with three hosts, whose watchers run a program before events, and what looks at it."""
    watching = {"LEEWARD_COMMAND": "/bin/true", "LEEWARD_COMMAND_PHASES": "prepare,resume"}
    async with Collector() as collector:
        settings = {"LEEWARD_OTLP_ENDPOINT": collector.endpoint}
        site = Site(folder, hosts=HOSTS, settings=settings, watching=watching)
        scheduler = Scrape(job=SCHEDULERS, address=f"127.0.0.1:{site.ops_port}", labels={"instance": "scheduler-0"})
        watchers = [
            Scrape(job=WATCHERS, address=f"127.0.0.1:{port}", labels={"instance": host})
            for host, port in site.watcher_ops.items()
        ]
        async with site.running(), Prometheus(folder, scheduler, *watchers) as prometheus:
            await prometheus.until_scraped()
            yield Stage(site, prometheus, collector)


async def jobs(site: Site) -> None:
    """Create jobs of every kind: moved and held by events, failing and repeated, missed, and many that just run."""
    await site.create_job("backup", "/backup", placement={"host": "db-0", "pool": "db"})
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    await site.create_job("lost", "/lost", every=20, placement={"host": "db-9"})
    await site.create_job("broken", "/fail", placement={"pool": "web"}, action=site.request_to("/fail", retries=1))
    for number in range(12):
        await site.create_job(f"report-{number}", f"/report-{number}", placement={"pool": "db"})


async def an_event(site: Site, kind: str, host: str, **more: object) -> None:
    """Take a host through an event, from its announcement to the end of what it held."""
    event = await site.raise_event(kind, host, **more)
    await site.until_event(event, lambda known: known["outcome"] == "completed", seconds=60)
    await site.until_condition(host, "available", seconds=30)


async def nonsense(site: Site) -> None:
    """Say what nobody understands."""
    async with site.client() as bus:

        async def connected() -> bool:
            return bus.connected

        await until(connected)
        await bus.publish(Publication(topic=f"leeward/v1/hosts/{HOSTS[0]}/status", payload=b"nonsense"))


async def a_day(stage: Stage) -> None:
    """Let a few minutes pass with the weather of a bad day, each event with seconds of notice instead of minutes."""
    site = stage.site
    site.targets.gate.set()
    await jobs(site)
    await site.create_job("export", "/gated", every=5, placement={"host": "db-0", "pool": "db"})
    await _calm(25)
    await an_event(site, "Freeze", "web-0", source="Platform", noticeSeconds=10, durationSeconds=5)
    await _calm(15)
    await _long_drain(site)
    await nonsense(site)
    await _calm(15)
    await _unreadable(stage)
    await _calm(20)
    await an_event(site, "Redeploy", "db-1", source="Platform", noticeSeconds=20, durationSeconds=15)
    await _calm(25)


async def _long_drain(site: Site) -> None:
    """Take a host through a reboot that has to wait for an execution, and is let start once that has ended."""
    site.targets.gate.clear()
    await site.targets.until_hit("/gated", after=len(site.targets.hits))
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=45, durationSeconds=12)
    await _calm(12)
    site.targets.gate.set()
    await site.until_event(event, lambda known: known["outcome"] == "completed", seconds=60)


async def _unreadable(stage: Stage) -> None:
    """Let the metadata service answer nothing for a while."""
    stage.site.emulator.freeze()
    await _calm(20)
    stage.site.emulator.thaw()


async def _calm(seconds: float) -> None:
    """Let it be: a graph without calm between the storms tells nothing."""
    await asyncio.sleep(seconds)
