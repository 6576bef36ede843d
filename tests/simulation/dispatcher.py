"""From a due job to the end of each occurrence, as one replica does it, with no time lost on the way.

Every choice is the scheduler's own code: what is due (`plan`), what gives way (`verdict`), where it runs (`decide`),
what ends early (`next_ending`), what follows (`of_attempt`).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.moves import Moves
from services.scheduler.dispatch.outcomes import of_attempt, of_hold
from services.scheduler.dispatch.overlap import Backlog, Verdict, verdict
from services.scheduler.dispatch.planner import plan
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import AttemptResult, HistoryStatus, Next, OccurrenceId, OccurrenceState
from services.scheduler.domain.hosts import FleetView, HostView
from services.scheduler.domain.jobs import Job, JobId
from services.scheduler.domain.placement import Hold, Lost, Queue, Run, decide
from services.scheduler.domain.policies import Strategy
from services.scheduler.domain.threats import Case, Ending, barriers, next_ending
from services.scheduler.store.records import Claim, Held
from shared.topics import HostKey
from tests.simulation.agenda import Agenda
from tests.simulation.executions import MOVED, Execution, Executions
from tests.simulation.habits import Habits
from tests.simulation.ledger import Ledger
from tests.simulation.lulls import Lulls
from tests.simulation.referee import Referee
from tests.simulation.stores import SimulationStore
from tests.simulation.workload import Workload

QUEUE_PAUSE = timedelta(seconds=1)
"""After how long an occurrence asks again whose host is full."""
OVERLAP, LOST = "overlap", "host lost"


class Dispatcher:
    """Plans, decides, starts and follows up until `end`; `freed` hears of each host on which something has ended."""

    def __init__(
        self,
        agenda: Agenda,
        work: Workload,
        end: datetime,
        *,
        fleet: Callable[[], FleetView],
        cases: Cases,
        executions: Executions,
        store: SimulationStore,
        ledger: Ledger,
        referee: Referee,
        habits: Habits,
        lulls: Lulls,
        freed: Callable[[HostKey], None],
    ) -> None:
        self.moves = Moves()
        self._agenda = agenda
        self._work = work
        self._end = end
        self._fleet = fleet
        self._cases = cases
        self._executions = executions
        self._store = store
        self._ledger = ledger
        self._referee = referee
        self._habits = habits
        self._lulls = lulls
        self._freed = freed
        self._backlog = Backlog()
        executions.over = self._ended

    def begin(self) -> None:
        """Note when each job is due first."""
        for job in self._work.jobs:
            self._await(job)

    def follow(self, host: HostView) -> None:
        """Obey what a host's events say now of what runs there."""
        for execution in self._executions.on(host.key):
            self._arm(execution, host)

    def let_go(self) -> None:
        """Carry out what became of held occurrences."""
        for held, release in self._store.let_go:
            self._ledger.let_go(self._agenda.now())
            if release.fire_at is not None:
                self._release(held, release.fire_at)
            elif release.row is not None:
                is_missed = release.row.status is HistoryStatus.MISSED
                reason = LOST if is_missed else release.row.reason
                self._end_unrun(held.occurrence.id, release.row.status.lower(), reason)
        self._store.let_go.clear()

    # -- what is due -------------------------------------------------------------------------------------------------

    def _await(self, job: Job) -> None:
        if job.next_due is not None and job.next_due < self._end:
            self._agenda.at(job.next_due, lambda: self._plan(job))

    def _plan(self, job: Job) -> None:
        now = self._agenda.now()
        planned = plan(job, now=now, horizon=now)
        job = replace(job, next_due=planned.next_due, planned=planned.planned)
        for occurrence in planned.occurrences:
            self._ledger.due(occurrence.id, job.id, occurrence.due)
            self._handle(Claim(occurrence=occurrence, job=job))
        self._await(job)

    def _handle(self, claim: Claim) -> None:
        """Start a claim, hold it, or let it give way."""
        now, job_id = self._agenda.now(), claim.job.id
        busy = self._executions.is_active(job_id) or self._backlog.retry(job_id, claim.occurrence.id) is not None
        match verdict(claim, busy=busy, queued=self._backlog.queued(job_id), now=now):
            case Verdict.QUEUE:
                self._backlog.put(claim)
            case Verdict.SKIP:
                self._end_unrun(claim.occurrence.id, "skipped", OVERLAP)
            case _:
                self._decide(claim, now)

    def _decide(self, claim: Claim, now: datetime) -> None:
        case = self._cases.of(claim.job, claim.occurrence, now)
        match decide(case, self._fleet(), self._executions.load):
            case Hold() as hold:
                self._hold(claim, hold)
            case Lost():
                self._backlog.end_retry(claim.job.id, claim.occurrence.id)
                self._end_unrun(claim.occurrence.id, "missed", LOST)
            case Queue():
                self._agenda.at(now + QUEUE_PAUSE, lambda: self._handle(claim))
            case Run() as run:
                self._start(claim, run, case)

    # -- what runs ---------------------------------------------------------------------------------------------------

    def _start(self, claim: Claim, run: Run, case: Case) -> None:
        nature, host = self._work.nature(claim.job.id), run.host
        assert host is not None
        self._referee.check_start(case, host.key)
        if run.away_from is not None and run.event_id is not None:
            self.moves.rerouted(run.away_from, run.event_id)
        if run.away_from is not None:
            self._ledger.moved(claim.occurrence.id)
        endured = frozenset(threat.event_id for threat in barriers(case, host)) if host.threats else frozenset()
        execution = Execution(claim, run, replace(case, endured=endured), fragile=nature.fragile)
        reached = self._executions.start(execution, nature.seconds(claim.occurrence.id))
        self._ledger.begun(claim.occurrence.id, reached=reached)
        if _heeds(claim.job):
            self._lulls.started(host.key)
        self._arm(execution, host)

    def _arm(self, execution: Execution, host: HostView) -> None:
        """Note when an execution is to be broken off, by the policies of its job and what threatens its host now."""
        if execution.is_over:
            return
        case = replace(execution.case, now=self._agenda.now())
        execution.ending = next_ending(case.policies, host, case) if host.threats else None
        if execution.ending is not None:
            ending = execution.ending
            self._agenda.at(ending.at, lambda: self._break_off(execution, ending))

    def _break_off(self, execution: Execution, ending: Ending) -> None:
        if execution.ending is ending and not execution.is_over:
            self._executions.break_off(execution, ending.why)

    def _ended(self, execution: Execution, result: AttemptResult, hurt: str) -> None:
        claim = execution.claim
        job, occurrence = claim.job, claim.occurrence
        self._ledger.ended(occurrence.id, hurt)
        self._freed(execution.host)
        if result.succeeded:
            self._habits.learn(job, result.ended_at - result.started_at)
        following = of_attempt(job, occurrence, result).following
        if hurt == MOVED:
            following = Next(action=ActionName.MAIN, fire_at=self._agenda.now(), retries=occurrence.retries)
        if following is not None:
            self._repeat(claim, following)
        else:
            self._backlog.end_retry(job.id, occurrence.id)
            self._finish(claim, result, execution.host)
        self._next(job.id)

    def _finish(self, claim: Claim, result: AttemptResult, host: HostKey) -> None:
        if result.succeeded:
            self._ledger.over(claim.occurrence.id, "done", result.started_at)
            return
        self._ledger.over(claim.occurrence.id, "failed", result.ended_at)
        if self._executions.is_gone(host):
            self._ledger.tally.on_the_way["failed gone"] += 1
        elif _heeds(claim.job):
            self._ledger.tally.on_the_way["failed heeding"] += 1

    def _repeat(self, claim: Claim, following: Next) -> None:
        again = replace(
            claim.occurrence,
            attempt=claim.occurrence.attempt + 1,
            retries=following.retries,
            fire_at=following.fire_at,
        )
        self._backlog.note_retry(claim.job.id, again.id, following.fire_at)
        repeated = Claim(occurrence=again, job=claim.job)
        self._agenda.at(following.fire_at, lambda: self._handle(repeated))

    def _next(self, job_id: JobId) -> None:
        """Give the next waiting occurrence of a job its turn."""
        claim = self._backlog.next(job_id)
        if claim is not None:
            self._agenda.at(self._agenda.now(), lambda: self._handle(claim))

    # -- what waits --------------------------------------------------------------------------------------------------

    def _hold(self, claim: Claim, hold: Hold) -> None:
        outcome = of_hold(claim.job, claim.occurrence, hold, self._agenda)
        self._backlog.end_retry(claim.job.id, claim.occurrence.id)
        if hold.event_id is not None:
            self.moves.held(hold.host or HostKey(hold.waiting_for), hold.event_id)
        waiting = replace(
            claim.occurrence,
            state=OccurrenceState.HELD,
            host=outcome.held_for,
            reason=outcome.reason,
            held_under=outcome.held_under,
        )
        self._store.hold(Held(occurrence=waiting, job=claim.job))
        self._ledger.held(waiting.id, self._agenda.now())
        self._next(claim.job.id)

    def _release(self, held: Held, at: datetime) -> None:
        ready = replace(held.occurrence, state=OccurrenceState.READY, fire_at=at)
        self._agenda.at(at, lambda: self._handle(Claim(occurrence=ready, job=held.job)))

    def _end_unrun(self, occurrence_id: OccurrenceId, fate: str, reason: str) -> None:
        self._ledger.over(occurrence_id, fate, self._agenda.now(), reason=reason)


def _heeds(job: Job) -> bool:
    """Whether a job's own choice is to heed events."""
    return job.definition.maintenance.rule.strategy is not Strategy.IGNORE
