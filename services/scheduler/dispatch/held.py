"""Held occurrences let go: looked through whenever hosts change, each ended the way its job's policy says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from itertools import groupby

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.dispatch.outcomes import final_state
from services.scheduler.domain.executions import HistoryStatus, Occurrence, OccurrenceId, unrun_row
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Load, Run, decide
from services.scheduler.domain.policies import OnRelease, resolve
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.base import Held, Release, Store
from shared.clock import Clock
from shared.logs import get_logger
from shared.topics import HostKey

log = get_logger(__name__)

TICK_SECONDS = 2.0
"""Lead times and another replica's holds come without a change of hosts; so holds are looked through this often."""
PAGE = 500
COALESCED = "coalesced"


def let_go(job: Job, waiting: list[Held], now: datetime) -> Iterator[Release]:
    """Yield what becomes of one job's held occurrences, in due order, now that it may run (DESIGN §5, release).

    RunOnce runs the latest under its own id and skips the others; RunAll runs all; Skip none. The rule is that of the
    event each was held under. What a caller asked for, or what has run before, goes on in any case.
    """
    waiting = sorted(waiting, key=lambda held: held.occurrence.due)
    planned = [held.occurrence.id for held in waiting if not _goes_on(held.occurrence)]
    for held in waiting:
        policy = resolve(job.definition.maintenance, held.occurrence.held_under, has_pool=False).on_release
        latest = policy is OnRelease.RUN_ONCE and planned[-1:] == [held.occurrence.id]
        if _goes_on(held.occurrence) or policy is OnRelease.RUN_ALL or latest:
            yield _go(held, now)
        else:
            reason = COALESCED if policy is OnRelease.RUN_ONCE else "skipped at release"
            yield _end(job, held, HistoryStatus.SKIPPED, reason, now)


def _goes_on(occurrence: Occurrence) -> bool:
    return occurrence.manual or occurrence.attempt > 1


def give_up(job: Job, waiting: list[Held], reason: str, now: datetime) -> Iterator[Release]:
    """Yield the end of what has waited for a host that nobody reports, once it is past the job's catch-up window."""
    for held in waiting:
        if now - held.occurrence.due > job.definition.catch_up_window:
            yield _end(job, held, HistoryStatus.MISSED, reason, now)


def _go(held: Held, now: datetime) -> Release:
    return Release(occurrence_id=held.occurrence.id, job_id=held.job.id, fire_at=now)


def _end(job: Job, held: Held, status: HistoryStatus, reason: str, now: datetime) -> Release:
    return Release(
        occurrence_id=held.occurrence.id,
        job_id=job.id,
        row=unrun_row(held.occurrence, status, reason, now),
        job_state=final_state(job, faulted=False),
    )


class Holds:
    """Looks through what is held; counts it per host for reports."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        announcer: Announcer,
        *,
        fleet: Callable[[], Mapping[HostKey, HostView]],
        load: Load,
        released: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._announcer = announcer
        self._fleet = fleet
        self._load = load
        self._released = released
        self._woken = asyncio.Event()
        self._counts: dict[str, int] = {}

    def count(self, host: HostKey) -> int:
        """Return how many occurrences were held for a host at the last look."""
        return self._counts.get(host, 0)

    def wake(self) -> None:
        """Look now: a host changed."""
        self._woken.set()

    async def run(self) -> None:
        """Look through the holds until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailableError as fault:
                log.warning("holds wait for the store", error=str(fault))
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._woken.wait()
            self._woken.clear()

    async def look(self) -> None:
        """Decide on every held occurrence once; let go what may run or has waited too long."""
        held = [entry async for entry in self._all()]
        counts: dict[str, int] = {}
        for entry in held:
            counts[entry.occurrence.host or ""] = counts.get(entry.occurrence.host or "", 0) + 1
        self._counts = counts
        releases = list(self._releases(held))
        for start in range(0, len(releases), PAGE):
            await self._let_go(releases[start : start + PAGE], {entry.occurrence.id: entry for entry in held})

    async def _all(self) -> AsyncIterator[Held]:
        after: OccurrenceId | None = None
        while page := await self._store.list_held(after=after, limit=PAGE):
            for entry in page:
                yield entry
            after = page[-1].occurrence.id

    def _releases(self, held: list[Held]) -> Iterator[Release]:
        now = self._clock.now()
        fleet = self._fleet()
        by_job = sorted(held, key=lambda entry: entry.job.id)
        for _, group in groupby(by_job, key=lambda entry: entry.job.id):
            waiting = list(group)
            job = waiting[0].job
            decision = decide(job.definition, fleet, self._load, now)
            if isinstance(decision, Run):
                yield from let_go(job, waiting, now)
            elif decision.event_id is None:
                yield from give_up(job, waiting, decision.reason, now)

    async def _let_go(self, releases: list[Release], held: Mapping[OccurrenceId, Held]) -> None:
        done = await self._store.release(releases)
        for release in releases:
            if release.occurrence_id not in done:
                continue
            entry = held[release.occurrence_id]
            if release.fire_at is not None:
                self._announcer.released(entry.job, entry.occurrence)
            else:
                self._announcer.skipped()
        self._released()
