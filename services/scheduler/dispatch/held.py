"""Held occurrences let go: looked through whenever hosts change, each ended the way its job's policy says."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime
from itertools import groupby

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.outcomes import goes_on, state_unrun
from services.scheduler.dispatch.pacing import Freed, Pace, takers
from services.scheduler.dispatch.planner import LOOK_AHEAD, after_skip
from services.scheduler.dispatch.unhurried import unhurried
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.choosing import Load
from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict, missed_for, skipped_for
from services.scheduler.domain.executions import HistoryStatus, Occurrence, OccurrenceId, unrun_row
from services.scheduler.domain.hosts import NOBODY, FleetView, HostView
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.domain.placement import Hold, Lost, Queue, Run, decide
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
_SKIPPED = {Cause.COALESCED: COALESCED, Cause.SKIPPED_AT_RELEASE: "skipped at release"}


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
            cause = Cause.COALESCED if choice is OnRelease.RUN_ONCE else Cause.SKIPPED_AT_RELEASE
            yield _end(held, skipped_for(cause), _SKIPPED[cause], now)


def _policy(policies: Policies, occurrence: Occurrence) -> OnRelease:
    if goes_on(occurrence):
        return OnRelease.RUN_ALL
    return policies.under(Traits.read(occurrence.held_under)).on_release


def give_up(job: Job, waiting: list[Held], reason: str, now: datetime) -> Iterator[Release]:
    """Yield the end of what has waited for a host that nobody reports for longer than the job's catch-up window.

    It waits since it was to start, which may be long after it was due (`flexibleWindow`).
    """
    for held in waiting:
        if now - held.occurrence.fire_at > job.definition.catch_up_window:
            yield _end(held, missed_for(Cause.UNKNOWN_HOST), reason, now)


def _go(held: Held, at: datetime) -> Release:
    return Release(occurrence_id=held.occurrence.id, job_id=held.job.id, fire_at=at)


def _end(held: Held, record: DecisionRecord, reason: str, now: datetime) -> Release:
    """End a held occurrence. What never ran does not use up the job's count (DESIGN §5: `count` counts what ran)."""
    job, uncounted = held.job, not goes_on(held.occurrence)
    last = uncounted and job.next_due is None
    status = HistoryStatus.SKIPPED if record.verdict is Verdict.SKIPPED else HistoryStatus.MISSED
    return Release(
        occurrence_id=held.occurrence.id,
        job_id=job.id,
        row=unrun_row(held.occurrence, status, reason, now, record),
        job_state=state_unrun(job, held.occurrence),
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
        rate: float,
        released: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        """`rate`: of what is let go, each host gets at most so many a second; 0: all of it at once."""
        self._store = store
        self._clock = clock
        self._announcer = announcer
        self._fleet = fleet
        self._cases = cases
        self._load = load
        self._rate = rate
        self._released = released
        self._counts: Counter[str] = Counter()
        self._seen = NOBODY
        self._duty = Duty("holds", self._look_in_time, metrics)

    def count(self, host: HostKey) -> int:
        """Return how many occurrences were held for a host at the last look, without those it has let go."""
        return self._counts[host]

    def wake(self) -> None:
        """Look now if a host has changed since the last look."""
        if self._fleet() != self._seen:
            self._duty.wake()

    def look_soon(self) -> None:
        """Look now: other policies apply."""
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
        self._counts = Counter(entry.occurrence.host or "" for entry in held)
        by_id = {entry.occurrence.id: entry for entry in held}
        # A few at a time: a release of very many must not stop the timers.
        fates = [fate async for waiting in unhurried(_by_job(held)) async for fate in unhurried(self._fates(waiting))]
        over = [fate for fate in fates if isinstance(fate, Release)]
        for start in range(0, len(over), PAGE):
            await self._release(over[start : start + PAGE], by_id)
        await self._free(sorted((fate for fate in fates if isinstance(fate, Freed)), key=_turn), by_id)

    async def _all(self) -> AsyncIterator[Held]:
        after: OccurrenceId | None = None
        while page := await self._store.list_held(after=after, limit=PAGE):
            for entry in page:
                yield entry
            after = page[-1].occurrence.id

    def _fates(self, waiting: list[Held]) -> Iterator[Freed | Release]:
        """Yield what becomes of those of one job that need not wait any more: they go, or they end."""
        job, fleet, now = waiting[0].job, self._fleet(), self._clock.now()
        case = self._cases.of(job, waiting[0].occurrence, now)
        match decide(case, fleet, self._load):
            case Run() as run:
                yield from self._freed(waiting, takers(case, run, fleet), now)
            case Queue(host=full):
                yield from self._freed(waiting, (fleet[full],), now)
            case Lost(reason=reason, record=record):
                yield from (_end(held, record, reason, now) for held in waiting)
            case Hold(event_id=None, reason=reason):
                yield from give_up(job, waiting, reason, now)

    def _freed(self, waiting: list[Held], hosts: tuple[HostView, ...], now: datetime) -> Iterator[Freed | Release]:
        job, by_id = waiting[0].job, {held.occurrence.id: held for held in waiting}
        for release in let_go(job, self._cases.policies(job), waiting, now):
            goes = release.fire_at is not None
            yield Freed(held=by_id[release.occurrence_id], hosts=hosts) if goes else release

    async def _free(self, free: list[Freed], held: Mapping[OccurrenceId, Held]) -> None:
        """Let go, in due order over all jobs, as many a second as their hosts may get.

        Where another replica lets them go meanwhile, its instants count, too.
        """
        pace: Pace | None = None
        for start in range(0, len(free), PAGE):
            now, page = self._clock.now(), free[start : start + PAGE]
            if pace is None:
                pace = Pace(self._rate, await self._store.last_releases(now) if self._rate else {})
            goes = [_go(one.held, pace.when(one, now)) async for one in unhurried(page)]
            done = await self._release(goes, held)
            pace = pace if len(done) == len(page) else None

    async def _release(self, releases: list[Release], held: Mapping[OccurrenceId, Held]) -> frozenset[OccurrenceId]:
        done = await self._store.release(releases)
        async for release in unhurried(release for release in releases if release.occurrence_id in done):
            entry = held[release.occurrence_id]
            self._counts[entry.occurrence.host or ""] -= 1
            if release.fire_at is not None:
                self._announcer.released(entry.job, entry.occurrence)
            elif release.row is not None and release.row.status is HistoryStatus.MISSED:
                self._announcer.missed(entry.job, (release.row,))
            elif release.row is not None:
                self._announcer.skipped((release.row,))
        if done:
            self._released()
        return done


def _by_job(held: list[Held]) -> Iterator[list[Held]]:
    """Yield those of each job, error actions apart: they may go elsewhere."""
    for _, group in groupby(sorted(held, key=_what), key=_what):
        yield list(group)


def _what(held: Held) -> tuple[JobId, ActionName]:
    return held.job.id, held.occurrence.action


def _turn(freed: Freed) -> tuple[datetime, OccurrenceId]:
    return freed.held.occurrence.due, freed.held.occurrence.id
