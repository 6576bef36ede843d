"""Held occurrences let go: looked through whenever hosts change, each ended the way its job's policy says."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.outcomes import final_state
from services.scheduler.dispatch.planner import LOOK_AHEAD, after_skip
from services.scheduler.domain.choosing import Load
from services.scheduler.domain.executions import HistoryStatus, Occurrence, OccurrenceId, unrun_row
from services.scheduler.domain.hosts import NOBODY, FleetView
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Hold, Lost, Run, decide
from services.scheduler.domain.policies import OnRelease, Policies, Traits
from services.scheduler.duty import Duty
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Held,
    Release,
)
from shared.clock import Clock
from shared.topics import HostKey

TICK_SECONDS = 2.0
"""Lead times and another replica's holds come without a change of hosts; so holds are looked through this often."""
AFTERWARDS_SECONDS = 0.4
"""What was held before a change of hosts may be written just after the look that follows it: so there is another."""
_PATIENCE = 20
"""A hundred thousand holds take seconds to look through: a twentieth of the time is enough for it."""
PAGE = 500
COALESCED = "coalesced"


def let_go(job: Job, policies: Policies, waiting: list[Held], now: datetime) -> Iterator[Release]:
    """Yield what becomes of one job's held occurrences, in due order, now that it may run (DESIGN §5, release).

    RunOnce runs the latest under its own id and skips the others; RunAll runs all; Skip none. The rule is that of the
    event each was held under. What a caller asked for, or what has run before, goes on in any case.
    """
    waiting = sorted(waiting, key=lambda held: held.occurrence.due)
    choices = {held.occurrence.id: _policy(policies, held.occurrence) for held in waiting}
    latest = [occurrence_id for occurrence_id, choice in choices.items() if choice is OnRelease.RUN_ONCE][-1:]
    for held in waiting:
        choice = choices[held.occurrence.id]
        if choice is OnRelease.RUN_ALL or held.occurrence.id in latest:
            yield _go(held, now)
        else:
            reason = COALESCED if choice is OnRelease.RUN_ONCE else "skipped at release"
            yield _end(job, held, HistoryStatus.SKIPPED, reason, now)


def _policy(policies: Policies, occurrence: Occurrence) -> OnRelease:
    if _goes_on(occurrence):
        return OnRelease.RUN_ALL
    return policies.under(Traits.read(occurrence.held_under)).on_release


def _goes_on(occurrence: Occurrence) -> bool:
    return occurrence.manual or occurrence.attempt > 1


def give_up(job: Job, waiting: list[Held], reason: str, now: datetime) -> Iterator[Release]:
    """Yield the end of what has waited for a host that nobody reports for longer than the job's catch-up window.

    It waits since it was to start, which may be long after it was due (`flexibleWindow`).
    """
    for held in waiting:
        if now - held.occurrence.fire_at > job.definition.catch_up_window:
            yield _end(job, held, HistoryStatus.MISSED, reason, now)


def _go(held: Held, now: datetime) -> Release:
    return Release(occurrence_id=held.occurrence.id, job_id=held.job.id, fire_at=now)


def _end(job: Job, held: Held, status: HistoryStatus, reason: str, now: datetime) -> Release:
    """End a held occurrence. What never ran does not use up the job's count (DESIGN §5: `count` counts what ran)."""
    uncounted = not _goes_on(held.occurrence)
    last = uncounted and job.next_due is None
    return Release(
        occurrence_id=held.occurrence.id,
        job_id=job.id,
        row=unrun_row(held.occurrence, status, reason, now),
        job_state=final_state(job, faulted=False),
        unplan=uncounted,
        replan=after_skip(job, held.occurrence.due, now + LOOK_AHEAD) if last else None,
    )


class Holds:
    """Looks through what is held; counts it per host for reports."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        announcer: Announcer,
        *,
        fleet: Callable[[], FleetView],
        cases: Cases,
        load: Load,
        released: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._clock = clock
        self._announcer = announcer
        self._fleet = fleet
        self._cases = cases
        self._load = load
        self._released = released
        self._counts: dict[str, int] = {}
        self._seen = NOBODY
        self._duty = Duty("holds", self._look_in_time, metrics)

    def count(self, host: HostKey) -> int:
        """Return how many occurrences were held for a host at the last look."""
        return self._counts.get(host, 0)

    def wake(self) -> None:
        """Look now if a host has changed since the last look."""
        if self._fleet() != self._seen:
            self._duty.wake()

    async def run(self) -> None:
        """Look through the holds until cancelled."""
        await self._duty.run()

    async def _look_in_time(self) -> float:
        """Look, and return when to look again though no host changes: the longer it takes, the less often."""
        began, changed = time.monotonic(), self._fleet() != self._seen
        await self.look()
        pause = AFTERWARDS_SECONDS if changed else TICK_SECONDS
        return max(pause, (time.monotonic() - began) * _PATIENCE)

    async def look(self) -> None:
        """Decide on every held occurrence once; let go what may run or has waited too long."""
        self._seen = self._fleet()
        held = [entry async for entry in self._all()]
        counts: dict[str, int] = {}
        for entry in held:
            counts[entry.occurrence.host or ""] = counts.get(entry.occurrence.host or "", 0) + 1
        self._counts = counts
        by_id = {entry.occurrence.id: entry for entry in held}
        # Page by page, decided when its turn comes: a release of very many must not stop the timers.
        releases = self._releases(held)
        while page := list(islice(releases, PAGE)):
            await self._let_go(page, by_id)

    async def _all(self) -> AsyncIterator[Held]:
        after: OccurrenceId | None = None
        while page := await self._store.list_held(after=after, limit=PAGE):
            for entry in page:
                yield entry
            after = page[-1].occurrence.id

    def _releases(self, held: list[Held]) -> Iterator[Release]:
        by_job = sorted(held, key=lambda entry: entry.job.id)
        for _, group in groupby(by_job, key=lambda entry: entry.job.id):
            waiting, now = list(group), self._clock.now()
            job = waiting[0].job
            decision = decide(self._cases.of(job, waiting[0].occurrence, now), self._fleet(), self._load)
            match decision:
                case Run():
                    yield from let_go(job, self._cases.policies(job), waiting, now)
                case Lost(reason=reason):
                    yield from (_end(job, held, HistoryStatus.MISSED, reason, now) for held in waiting)
                case Hold(event_id=None, reason=reason):
                    yield from give_up(job, waiting, reason, now)

    async def _let_go(self, releases: list[Release], held: Mapping[OccurrenceId, Held]) -> None:
        done = await self._store.release(releases)
        for release in releases:
            if release.occurrence_id not in done:
                continue
            entry = held[release.occurrence_id]
            if release.fire_at is not None:
                self._announcer.released(entry.job, entry.occurrence)
            elif release.row is not None and release.row.status is HistoryStatus.MISSED:
                self._announcer.missed(entry.job, (release.row,))
            else:
                self._announcer.skipped()
        self._released()
