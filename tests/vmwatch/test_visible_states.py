"""What a watcher lets others see of itself and of the metadata service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.vmwatch.emulator.events import Draft, Habits
from services.vmwatch.emulator.faults import Fault, FaultKind
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.imds import ImdsClient, TimeLimits
from services.vmwatch.metrics import Metrics
from services.vmwatch.standing import ACTIVATION
from services.vmwatch.watcher import Life, Watcher
from shared.messages import HostStatus, MetadataState
from shared.topics import Topics
from tests.parts.watching import NOON, RememberedOutlet, TurnedClock, emulator

REBOOT = Draft(type="Reboot", resources=("db-0",), notice_seconds=300, started_seconds=60)
DAY = 24 * 3600


class Seen:
    """A watcher of db-0 from outside: its statuses, its metrics, its readiness."""

    def __init__(self, imds: Emulator, client: ImdsClient, clock: TurnedClock) -> None:
        self.imds, self.client, self.clock = imds, client, clock
        self.said, self.metrics = RememberedOutlet(), Metrics("test")
        self.watcher = Watcher(
            Life(host="db-0", session="s1"),
            source=client,
            outlet=self.said,
            topics=Topics(),
            metrics=self.metrics,
            clock=clock,
            monotonic=clock.monotonic,
            has_approved=client.has_approved,
        )

    async def poll(self, after: float = 1) -> HostStatus:
        """Let time pass, poll, and return the status that the next heartbeat tells."""
        self.clock.turn(after)
        await self.watcher.poll()
        await self.watcher.beat()
        return self.said.statuses()[-1]

    def value(self, name: str, **labels: str) -> float | None:
        """Return a metric."""
        return self.metrics.registry.get_sample_value(f"leeward_{name}", labels)


@asynccontextmanager
async def watching(options: Options | None = None) -> AsyncIterator[Seen]:
    clock = TurnedClock()
    limits = TimeLimits(first=1, later=1)
    async with (
        emulator(clock=clock, options=options) as imds,
        ImdsClient(imds.url("db-0"), limits=limits, monotonic=clock.monotonic) as client,
    ):
        yield Seen(imds, client, clock)


async def test_a_watcher_that_has_just_started_says_so_and_that_it_waits() -> None:
    async with watching() as seen:
        await seen.watcher.beat()
        (status,) = seen.said.statuses()
        assert (status.started_at, status.metadata, status.poll_ok) == (NOON, MetadataState.WAITING, False)
        assert "two minutes" in seen.watcher.trouble
        assert seen.value("watcher_started_timestamp_seconds") == NOON.timestamp()
        assert seen.value("metadata_state", state="waiting") == 1


async def test_a_service_that_was_just_switched_on_is_seen_until_events_are_due() -> None:
    async with watching() as seen:
        fresh = await seen.poll()
        assert (fresh.metadata, fresh.metadata_since) == (MetadataState.ACTIVATING, seen.clock.now())
        assert seen.watcher.trouble == ""
        active = await seen.poll(after=ACTIVATION.total_seconds())
        assert (active.metadata, active.metadata_since) == (MetadataState.ACTIVE, seen.clock.now())
        assert seen.value("metadata_state", state="activating") == 0
        assert seen.value("metadata_state", state="active") == 1


async def test_a_day_of_silence_switches_the_service_off_and_everybody_sees_it() -> None:
    async with watching(Options(disable_after=DAY)) as seen:
        seen.imds.stage.reset(40)
        assert (await seen.poll()).metadata == MetadataState.ACTIVE
        status = await seen.poll(after=DAY + 60)
        assert status.metadata == MetadataState.ACTIVATING
        assert seen.value("incarnation_resets_total") == 1


async def test_a_service_that_fails_is_dated_by_its_first_failure_and_comes_with_advice() -> None:
    async with watching() as seen:
        await seen.poll()
        seen.imds.stage.faults.add(Fault(kind=FaultKind.STATUS, status=429), seen.clock.now())
        first = await seen.poll()
        later = await seen.poll(after=60)
        assert (first.metadata, first.poll_ok) == (MetadataState.FAILING, False)
        assert later.metadata_since == first.metadata_since == first.at
        assert f"since {first.at.isoformat(timespec='seconds')}" in seen.watcher.trouble
        assert "five requests a second" in seen.watcher.trouble
        since = seen.value("metadata_state_since_timestamp_seconds")
        assert since == first.at.timestamp()


@pytest.mark.parametrize(("approve", "by"), [(True, "here"), (False, "elsewhere")])
async def test_an_event_that_starts_early_was_approved_here_or_by_somebody_else(approve: bool, by: str) -> None:
    async with watching(Options(habits=Habits(start_delay=1))) as seen:
        event = seen.imds.stage.schedule(REBOOT)
        await seen.poll()
        if approve:
            await seen.client.approve(event.id)
        else:
            seen.imds.stage.start(event.id)
        await seen.poll(after=2)
        assert seen.said.notices() == ["scheduled", "started"]
        counts = {each: seen.value("early_starts_total", approved=each) for each in ("here", "elsewhere")}
        assert counts == {"here": 0, "elsewhere": 0} | {by: 1}


async def test_an_event_that_starts_in_time_or_unannounced_is_nobodys_approval() -> None:
    async with watching() as seen:
        seen.imds.stage.schedule(REBOOT)
        seen.imds.stage.schedule(Draft(type="Reboot", resources=("db-0",), status="Started"))
        await seen.poll()
        await seen.poll(after=300)
        assert seen.said.notices().count("started") == 2
        assert seen.value("early_starts_total", approved="elsewhere") == 0


async def test_a_neighbours_early_start_is_the_neighbours_to_count() -> None:
    async with watching() as seen:
        event = seen.imds.stage.schedule(Draft(type="Freeze", resources=("web-0",)))
        await seen.poll()
        seen.imds.stage.start(event.id)
        await seen.poll()
        assert seen.said.snapshots()[-1].events[0].status == "Started"
        assert seen.value("early_starts_total", approved="elsewhere") == 0


async def test_an_advisory_passes_through_as_it_is() -> None:
    advisory = Draft(
        type="SpotRebalanceRecommendation",
        resources=("db-0",),
        status="Advisory",
        notice_seconds=60,
        started_seconds=60,
    )
    async with watching() as seen:
        seen.imds.stage.schedule(advisory)
        await seen.poll()
        (event,) = seen.said.snapshots()[-1].events
        assert (event.type, event.status) == ("SpotRebalanceRecommendation", "Advisory")
        assert event.not_before is not None
        assert seen.value("events_active", type="Other") == 1
        await seen.poll(after=200)
        assert seen.said.snapshots()[-1].events == ()
