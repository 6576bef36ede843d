"""Tells the bus and the live feed what becomes of executions; best effort, never in the way of a run."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import AttemptResult, HistoryRow, Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Hold, Run
from services.scheduler.feed import Feed, Update
from services.scheduler.metrics import Metrics, missed_label
from services.scheduler.tracing.base import Mark
from shared.bus import Publication
from shared.clock import Clock
from shared.messages import CLOUD_EVENT_CONTENT_TYPE, CloudEvent, ExecutionKind, ExecutionNotice, encode
from shared.topics import Topics, host_key

_TOPICS = 10_000
TYPE_PREFIX = "io.leeward.execution."


class Outlet(Protocol):
    """The part of the bus that notices need."""

    def is_read(self, topic: str) -> bool:
        """Whether a message on a topic is worth making."""
        ...

    def offer(self, publication: Publication) -> bool:
        """Send a message when there is time; False when it was dropped."""
        ...


class Announcer:
    """One method per thing that can become of an occurrence; each counts, publishes and feeds the stream."""

    def __init__(
        self,
        bus: Outlet,
        topics: Topics,
        feed: Feed,
        clock: Clock,
        metrics: Metrics,
        *,
        replica: str,
        new_id: Callable[[], str],
    ) -> None:
        self._bus = bus
        self._feed = feed
        self._clock = clock
        self._metrics = metrics
        self._source = f"/leeward/scheduler/{host_key(replica)}"
        self._topic = lru_cache(_TOPICS)(topics.execution)
        self._new_id = new_id

    def started(self, job: Job, occurrence: Occurrence, run: Run) -> None:
        """An attempt starts; if it was moved off a host, say so."""
        host = run.host.name if run.host is not None else None
        self._metrics.decided[run.record.verdict, run.record.cause].inc()
        if run.away_from is not None:
            self._count("rerouted")
            self._tell(
                ExecutionKind.REROUTED,
                job,
                _notice(job, occurrence, run.record, host=host, from_host=run.away_from, reason=run.reason),
                f"{_name(job)} is rerouted from {run.away_from} to {host}",
            )
        if self._is_followed(job):
            self._tell(
                ExecutionKind.STARTED,
                job,
                _notice(job, occurrence, run.record, host=host, reason=run.reason),
                f"{_name(job)} starts" + (f" on {host}" if host else ""),
            )

    def ended(self, job: Job, occurrence: Occurrence, result: AttemptResult, mark: Mark = None) -> None:
        """An attempt ended, one way or the other; if it was broken off, say what for. `mark` leads to its trace."""
        kind = ExecutionKind.SUCCEEDED if result.succeeded else ExecutionKind.FAILED
        decision = result.decision
        broken_off = decision if decision is not None and decision.verdict is Verdict.CANCELLED else None
        if broken_off is not None:
            self._metrics.decided[broken_off.verdict, broken_off.cause].inc()
        self._count(kind.value)
        self._metrics.duration.observe((result.ended_at - result.started_at).total_seconds(), mark)
        if self._is_followed(job):
            self._tell(
                kind,
                job,
                _notice(job, occurrence, broken_off, host=result.host, reason=result.reason, message=result.message),
                f"{_name(job)} {kind.value}" + (f" on {result.host}" if result.host else ""),
            )

    def held(self, job: Job, occurrence: Occurrence, hold: Hold) -> None:
        """An occurrence waits for a host."""
        self._count("held")
        self._metrics.decided[hold.record.verdict, hold.record.cause].inc()
        notice = _notice(job, occurrence, hold.record, host=hold.waiting_for, reason=hold.reason)
        self._tell(ExecutionKind.HELD, job, notice, f"{_name(job)} is held: {hold.reason}")

    def released(self, job: Job, occurrence: Occurrence) -> None:
        """A held occurrence may run."""
        self._count("released")
        notice = _notice(job, occurrence, host=occurrence.host, reason="released")
        self._tell(ExecutionKind.RELEASED, job, notice, f"{_name(job)} is released")

    def missed(self, job: Job, rows: Sequence[HistoryRow]) -> None:
        """Occurrences were not run at all, oldest first."""
        for row in rows:
            self._metrics.missed.labels(missed_label(_cause(row))).inc()
            self._metrics.decided[Verdict.MISSED, _cause(row)].inc()
        self._metrics.executed["missed"].inc(len(rows))
        row = rows[-1]
        notice = ExecutionNotice(
            collection=job.collection,
            job=job.name,
            occurrence_id=row.occurrence_id,
            scheduled_time=row.scheduled_time,
            attempt=row.attempt,
            host=row.host,
            reason=row.reason,
            cause=_cause(row),
            event_id=row.decision.event_id if row.decision is not None else None,
        )
        self._tell(ExecutionKind.MISSED, job, notice, f"{_name(job)} missed {len(rows)} occurrences: {row.reason}")

    def skipped(self, rows: Sequence[HistoryRow]) -> None:
        """Occurrences gave way, to others of their job mostly; history has them, nobody needs to be told."""
        for row in rows:
            self._count("skipped")
            self._metrics.decided[Verdict.SKIPPED, _cause(row)].inc()

    def _is_followed(self, job: Job) -> bool:
        """Whether what happens all the time need be told: a notice costs twice what a call does."""
        return self._feed.is_read or self._bus.is_read(self._topic(job.collection, job.name))

    def _count(self, outcome: str) -> None:
        self._metrics.executed[outcome].inc()

    def _tell(self, kind: ExecutionKind, job: Job, notice: ExecutionNotice, summary: str) -> None:
        now = self._clock.now()
        event = CloudEvent(
            id=self._new_id(),
            source=self._source,
            type=TYPE_PREFIX + kind.value,
            subject=f"{job.collection}/{job.name}",
            time=now,
            data=notice,
        )
        publication = Publication(
            topic=self._topic(job.collection, job.name),
            payload=encode(event),
            content_type=CLOUD_EVENT_CONTENT_TYPE,
        )
        if not self._bus.offer(publication):
            self._metrics.messages_dropped.inc()
        data = {"state": kind.value, "collection": job.collection, "job": job.name, "host": notice.host or ""}
        self._feed.publish(
            Update(kind="execution", at=now, summary=summary, data=data, collection_id=job.collection_id)
        )


def _name(job: Job) -> str:
    return f"{job.collection}/{job.name}"


def _cause(row: HistoryRow) -> Cause:
    return row.decision.cause if row.decision is not None else Cause.OTHER


def _notice(
    job: Job,
    occurrence: Occurrence,
    why: DecisionRecord | None = None,
    *,
    host: str | None,
    from_host: str | None = None,
    reason: str = "",
    message: str = "",
) -> ExecutionNotice:
    return ExecutionNotice(
        collection=job.collection,
        job=job.name,
        occurrence_id=occurrence.id,
        scheduled_time=occurrence.due,
        attempt=occurrence.attempt,
        host=host,
        from_host=from_host,
        reason=reason,
        message=message,
        cause=why.cause if why is not None else "",
        event_id=why.event_id if why is not None else None,
    )
