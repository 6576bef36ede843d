"""Decisions about a job's occurrences as documents."""

import msgspec

from services.scheduler.api.schemas.values import Document, Duration, Time, time_or_none
from services.scheduler.domain.decisions import Cause, DecisionRecord, Standing, Verdict, Weighed
from services.scheduler.domain.executions import HistoryRow
from services.scheduler.domain.explanations import decision_of, explain
from services.scheduler.domain.policies import Level, Strategy


class DecisiveEventDocument(Document, frozen=True, kw_only=True):
    """The event behind a decision; `eventId` is `cordon` for an operator's cordon."""

    event_id: str
    type: str
    not_before: Time | None = None


class DecisivePolicyDocument(Document, frozen=True, kw_only=True):
    """The strategy that applied, and which level set it."""

    strategy: Strategy
    from_: Level = msgspec.field(name="from")


class WeighedHostDocument(Document, frozen=True, kw_only=True):
    """A host that was considered, how it stood, and the event that was it."""

    host: str
    standing: Standing
    event_id: str | None = None


class DecisionDocument(Document, frozen=True, kw_only=True):
    """Why one occurrence ran where and when it did, was held, moved, broken off, or did not run.

    `at` is when it was decided, `host` where it ran or what it waits for. `heldFor` and `heldUnder`: what a run had
    waited for before, and the type of the event. `considered` counts the hosts that were, `hosts` lists the first ones.
    """

    occurrence_id: str
    scheduled_time: Time
    at: Time
    attempt: int
    decision: Verdict
    cause: Cause
    explanation: str
    host: str | None = None
    away_from: str | None = None
    held_for: str | None = None
    held_under: str | None = None
    event: DecisiveEventDocument | None = None
    policy: DecisivePolicyDocument | None = None
    expected_duration: Duration | None = None
    considered: int | None = None
    hosts: tuple[WeighedHostDocument, ...] = ()


def decision_document(row: HistoryRow) -> DecisionDocument:
    """Return the document of the decision that a history row keeps."""
    record = decision_of(row)
    return DecisionDocument(
        occurrence_id=row.occurrence_id,
        scheduled_time=Time(row.scheduled_time),
        at=Time(row.end_time if record.verdict is Verdict.CANCELLED else row.start_time),
        attempt=row.attempt,
        decision=record.verdict,
        cause=record.cause,
        explanation=explain(row),
        host=row.host,
        away_from=record.away_from if record.verdict is Verdict.REROUTED else None,
        held_for=record.held_for,
        held_under=record.held_under or None,
        event=_event(record),
        policy=_policy(record),
        expected_duration=None if record.expected is None else Duration(record.expected),
        considered=record.considered or None,
        hosts=tuple(map(_weighed, record.hosts)),
    )


def _event(record: DecisionRecord) -> DecisiveEventDocument | None:
    if record.event_id is None:
        return None
    not_before = time_or_none(record.not_before)
    return DecisiveEventDocument(event_id=record.event_id, type=record.event_type, not_before=not_before)


def _policy(record: DecisionRecord) -> DecisivePolicyDocument | None:
    if record.strategy is None:
        return None
    return DecisivePolicyDocument(strategy=record.strategy, from_=record.decided_by or Level.DEFAULT)


def _weighed(weighed: Weighed) -> WeighedHostDocument:
    return WeighedHostDocument(host=weighed.host, standing=weighed.standing, event_id=weighed.event_id)
