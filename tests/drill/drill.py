"""One drill: open the site, make the jobs, let weather, callers and nemesis loose, wait for rest, gather evidence."""

import asyncio
import time
from pathlib import Path
from random import Random

import msgspec

from tests.drill.callers import COLLECTION, Caller, Crowd
from tests.drill.history import at_rest, read_rows, read_tallies
from tests.drill.jobs import Cast, cast
from tests.drill.nemesis import Nemesis, duration, plan
from tests.drill.records import Evidence, Tally
from tests.drill.site import Configuration, Site, opened
from tests.drill.weather import Weather, weather
from tests.drill.windows import POLL

_LEAD = 2.0
"""From the jobs' creation to the first instant."""
_CALM = 2.0
"""Undisturbed seconds before the first fault, and after the last recovery."""
_REST_SECONDS = 90
"""A job that takes turns may have long calls to make up for, one after the other."""
_LOOK_SECONDS = 0.5


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """How hard and how long: `span` seconds in which `faults` faults begin, over `jobs` jobs."""

    seed: int
    configuration: Configuration
    span: float = 18.0
    faults: int = 8
    jobs: int = 60
    lease: int = 3

    @property
    def quiet(self) -> float:
        """How long the site is left alone after the last fault: what R4 allows, and a calm after it."""
        return self.lease + POLL + 2.0 + _CALM


async def run(drill: Drill, folder: Path) -> Evidence:
    """Do the drill in a folder of its own and return what it left behind."""
    configuration = drill.configuration
    async with opened(folder, configuration, seed=drill.seed, lease=drill.lease) as site:
        return await _Course(drill, site).run()


class _Course:
    """One drill under way."""

    def __init__(self, drill: Drill, site: Site) -> None:
        self._drill = drill
        self._site = site
        self._caller = Caller(site, self._random("calls"))
        self._faults = plan(
            self._random("faults"),
            count=drill.faults,
            span=drill.span,
            lease=drill.lease,
            replicas=len(site.replicas),
            server=site.server is not None,
        )

    def _random(self, what: str) -> Random:
        """Return a stream of numbers of its own for each part: how one is used must not change what others draw."""
        return Random(f"{self._drill.seed}/{what}")

    async def run(self) -> Evidence:
        """Make the jobs, let everything happen, wait for rest, gather what is left."""
        async with weather(self._site.broker.url, self._random("weather")) as sky:
            company = await self._make_jobs()
            crowd = Crowd(self._caller, self._random("crowd"), company)
            nemesis = Nemesis(self._site, self._faults, self._random("nemesis"))
            keeper = asyncio.create_task(nemesis.keep())
            try:
                await asyncio.sleep(_LEAD + _CALM)
                await self._storm(nemesis, crowd, sky)
                tallies = await self._rest(company)
            finally:
                keeper.cancel()
                await asyncio.wait([keeper])
        rows = [row for tally in tallies for row in await read_rows(self._caller.call, tally.job)]
        return Evidence(
            lease=self._drill.lease,
            healed=max((fault.ended for fault in nemesis.faults), default=0.0),
            closed=time.time(),
            jobs=tuple(each.job for each in company),
            requests=self._site.target.requests(),
            rows=(*rows, *(row for deleted in crowd.rows.values() for row in deleted)),
            acts=tuple(crowd.acts),
            faults=tuple(nemesis.faults),
            maintenances=tuple(sky.maintenances),
            tallies=tallies,
            read=crowd.read,
        )

    async def _make_jobs(self) -> list[Cast]:
        """Create the jobs in one batch, the first of them due a little later."""
        first = round(time.time() + _LEAD)
        storm = max(duration(self._faults), self._drill.span)
        last = first + _CALM + storm + self._drill.quiet
        company = cast(
            self._random("jobs"), count=self._drill.jobs, port=self._site.target.port, first=first, last=last
        )
        await self._caller.call("PUT", COLLECTION, {})
        body = {"value": [each.document for each in company]}
        answers = (await self._caller.call("POST", f"{COLLECTION}/jobs:batch", body))["value"]
        refused = [answer for answer in answers if answer["status"] >= 300]
        if refused:
            raise RuntimeError(f"jobs were refused: {refused[:3]}")
        return company

    async def _storm(self, nemesis: Nemesis, crowd: Crowd, sky: Weather) -> None:
        """Let all loose at once; everything is mended when this returns."""
        async with asyncio.TaskGroup() as storm:
            storm.create_task(nemesis.run(), name="nemesis")
            storm.create_task(crowd.run(self._drill.span), name="crowd")
            storm.create_task(sky.run(self._drill.span), name="weather")

    async def _rest(self, company: list[Cast]) -> tuple[Tally, ...]:
        """Wait until the last instant is past and nothing is under way, for as long as patience lasts."""
        last = max(each.job.last for each in company)
        await asyncio.sleep(max(0.0, last - time.time()) + _CALM)
        deadline = time.time() + _REST_SECONDS
        while True:
            tallies = await read_tallies(self._caller.call)
            if (at_rest(tallies) and self._site.target.is_quiet) or time.time() > deadline:
                return tallies
            await asyncio.sleep(_LOOK_SECONDS)
