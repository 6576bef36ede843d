"""Hosts and events as documents, and the bodies that steer hosts."""

from collections.abc import Mapping

from services.scheduler.api.schemas.values import Document, Time, time_or_none
from services.scheduler.domain.hosts import HostCondition, HostReport, Spared
from services.scheduler.domain.rehearsals import NOT_ASKED, is_rehearsal
from services.scheduler.store.records import (
    ApprovalState,
    EventOutcome,
    EventRecord,
)


class LossDocument(Document, frozen=True, kw_only=True):
    """The event that took a host away for good, and when it was over."""

    event_id: str
    type: str
    at: Time


class HostDocument(Document, frozen=True, kw_only=True):
    """One host: how it stands, what threatens it, what runs on it and waits for it; `lost`: it is not coming back.

    `running` and `held` count everybody's jobs: a caller confined to some collections does not see them.
    """

    host: str
    condition: HostCondition
    watcher: str
    pools: tuple[str, ...]
    addresses: tuple[str, ...]
    events: tuple[str, ...]
    running: int | None = None
    held: int | None = None
    reason: str | None = None
    until: Time | None = None
    last_seen_at: Time | None = None
    lost: LossDocument | None = None


class CordonDocument(Document, frozen=True, kw_only=True):
    """The body of `cordon`: why, and when it ends by itself."""

    reason: str
    until: Time | None = None


class EmptyDocument(Document, frozen=True, kw_only=True):
    """The body of `release`: nothing to say."""


class HostDrainDocument(Document, frozen=True, kw_only=True):
    """How far one host of an event is emptied; the numbers count everybody's jobs, as those of a host do.

    `spared`: jobs use it all the same, as the event would take too much of its pool (`share`), or has for too long
    (`hold`).
    """

    drain: str
    running: int | None = None
    held: int | None = None
    rerouted: int | None = None
    spared: Spared | None = None
    drained_at: Time | None = None


class ApprovalDocument(Document, frozen=True, kw_only=True):
    """Who let the event start early, when and why."""

    state: ApprovalState
    at: Time | None
    by: str | None
    reason: str | None


class EventDocument(Document, frozen=True, kw_only=True):
    """One event, present or past (DESIGN §5, Event document)."""

    event_id: str
    type: str
    status: str
    resources: tuple[str, ...]
    not_before: Time | None
    duration_seconds: int | None
    source: str
    description: str
    outcome: EventOutcome
    hosts: dict[str, HostDrainDocument]
    approval: ApprovalDocument
    first_seen_at: Time
    ended_at: Time | None
    announced_for: Time | None = None
    started_at: Time | None = None

    @property
    def is_rehearsal(self) -> bool:
        """Whether an operator has announced it, and not Azure."""
        return is_rehearsal(self.event_id)


class SpanDocument(Document, frozen=True, kw_only=True):
    """What one measure came to over `count` events: half took no longer than the median, nine in ten than p90."""

    count: int
    median_seconds: float
    p90_seconds: float


class EventStatisticsDocument(Document, frozen=True, kw_only=True):
    """What came of the events of one type; a measure that no event has is left out.

    `notice`: from first sight to the NotBefore of then. `drain`: from first sight until every host was drained.
    `approvalToStart`: from our approval to the start. `duration`: from the start to the end.
    """

    type: str
    count: int
    outcomes: Mapping[EventOutcome, int]
    notice: SpanDocument | None = None
    drain: SpanDocument | None = None
    approval_to_start: SpanDocument | None = None
    duration: SpanDocument | None = None


def host_document(report: HostReport) -> HostDocument:
    """Return the document of a host."""
    return HostDocument(
        host=report.host,
        condition=report.condition,
        watcher=report.watcher,
        pools=report.pools,
        addresses=report.addresses,
        events=report.events,
        running=report.running,
        held=report.held,
        reason=report.reason or None,
        until=time_or_none(report.until),
        last_seen_at=time_or_none(report.last_seen_at),
        lost=_loss(report),
    )


def _loss(report: HostReport) -> LossDocument | None:
    loss = report.lost
    return None if loss is None else LossDocument(event_id=loss.event_id, type=loss.type, at=Time(loss.at))


def event_document(event: EventRecord) -> EventDocument:
    """Return the document of an event."""
    return EventDocument(
        event_id=event.event_id,
        type=event.type,
        status=event.status,
        resources=event.resources,
        not_before=time_or_none(event.not_before),
        duration_seconds=event.duration_seconds,
        source=event.source,
        description=event.description,
        outcome=event.outcome,
        hosts={
            host: HostDrainDocument(
                drain=drain.drain,
                running=drain.running,
                held=drain.held,
                rerouted=drain.rerouted,
                spared=drain.spared,
                drained_at=time_or_none(drain.drained_at),
            )
            for host, drain in event.hosts.items()
        },
        approval=_approval(event),
        first_seen_at=Time(event.first_seen_at),
        ended_at=time_or_none(event.ended_at),
        announced_for=time_or_none(event.announced_for),
        started_at=time_or_none(event.started_at),
    )


def _approval(event: EventRecord) -> ApprovalDocument:
    """Return who approved; of a rehearsal, why nobody ever does."""
    if is_rehearsal(event.event_id):
        return ApprovalDocument(state=ApprovalState.NONE, at=None, by=None, reason=NOT_ASKED)
    approval = event.approval
    return ApprovalDocument(state=approval.state, at=time_or_none(approval.at), by=approval.by, reason=approval.reason)
