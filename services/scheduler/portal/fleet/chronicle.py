"""The story of an event: what happened when, in plain words. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from services.scheduler.api.schemas.fleet import EventDocument
from services.scheduler.domain.hosts import Spared
from services.scheduler.portal.fleet.progress import StepState
from services.scheduler.portal.lengths import length_words
from services.scheduler.store.records import ApprovalState, EventOutcome
from shared.messages import DrainState

EARLY = timedelta(seconds=2)
"""A start at least this long before NotBefore was somebody's approval; Azure itself waits for NotBefore."""
_SPARED = {
    Spared.SHARE: "stays in use: one event may not take more of its pool",
    Spared.HOLD: "is in use again: the event has kept jobs off it for as long as it may",
}


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; `at` is None where nobody noted the instant. `until` is an instant that the words end with."""

    at: datetime | None
    words: str
    detail: str = ""
    state: StepState = StepState.DONE
    until: datetime | None = None


def chronicle(event: EventDocument) -> tuple[Happening, ...]:
    """Return the story so far, in order; what is still to come stands last."""
    told = [*_announced(event), *_drained(event), *_approved(event), *_started(event), *_ended(event)]
    dated = sorted((one for one in told if one.at is not None), key=_instant)
    return (*dated, *(one for one in told if one.at is None))


def early_by(event: EventDocument) -> timedelta | None:
    """Return how long before its announced NotBefore an event started; None when it did not, or nobody saw it."""
    if event.announced_for is None or event.started_at is None:
        return None
    ahead = event.announced_for.value - event.started_at.value
    return ahead if ahead > EARLY else None


def _instant(one: Happening) -> datetime:
    if one.at is None:
        raise ValueError("what has no instant is not sorted")
    return one.at


def _announced(event: EventDocument) -> Iterator[Happening]:
    first, announced = event.first_seen_at.value, event.announced_for
    if announced is None:
        was_on = event.started_at is not None and event.started_at.value == first
        yield Happening(at=first, words="Seen under way, without notice" if was_on else "Announced, without a time")
    else:
        notice = length_words(max(announced.value - first, timedelta()))
        yield Happening(at=first, words="Announced, not before", detail=f"{notice} of notice", until=announced.value)
    if announced is not None and event.not_before is not None and event.not_before.value != announced.value:
        yield Happening(at=None, words="Moved since: now not before", until=event.not_before.value)
    kept = [host for host, drain in event.hosts.items() if drain.spared is None]
    if kept:
        yield Happening(at=first, words=f"{', '.join(kept)} cordoned", detail="jobs move, or wait, as each one says")
    for host, drain in event.hosts.items():
        if drain.spared is not None:
            yield Happening(at=None, words=f"{host} {_SPARED[drain.spared]}", state=StepState.WARN)


def _drained(event: EventDocument) -> Iterator[Happening]:
    for host, drain in event.hosts.items():
        if drain.spared is not None:
            continue
        if drain.drained_at is not None:
            took = length_words(max(drain.drained_at.value - event.first_seen_at.value, timedelta()))
            yield Happening(at=drain.drained_at.value, words=f"{host} drained", detail=f"after {took}")
        if drain.drain == DrainState.OVERDUE:
            left = "" if drain.running is None else f"{drain.running} still running"
            yield Happening(at=None, words=f"{host} was not drained in time", detail=left, state=StepState.WARN)
        elif drain.drain == DrainState.DRAINING and event.outcome is EventOutcome.ACTIVE:
            left = "" if drain.running is None else f"{drain.running} still running"
            yield Happening(at=None, words=f"{host} is being drained", detail=left, state=StepState.NOW)


def _approved(event: EventDocument) -> Iterator[Happening]:
    if event.is_rehearsal:
        yield Happening(at=None, words="Never approved", detail=event.approval.reason or "")
        return
    approval = event.approval
    at, reason = approval.at.value if approval.at else None, approval.reason or ""
    by = f" by {approval.by}" if approval.by else ""
    match approval.state:
        case ApprovalState.ASKED:
            yield Happening(at=at, words=f"Approval asked for{by}", detail=reason, state=StepState.NOW)
        case ApprovalState.APPROVED:
            yield Happening(at=at, words=f"Approved{by}", detail=reason)
        case ApprovalState.FOREIGN:
            yield Happening(at=at, words="Approved by someone else", detail=reason, state=StepState.WARN)


def _started(event: EventDocument) -> Iterator[Happening]:
    if event.started_at is None:
        if event.outcome is EventOutcome.ACTIVE:
            until = event.not_before.value if event.not_before else None
            yield Happening(at=None, words="Starts" if until else "Has not started", state=StepState.AHEAD, until=until)
        return
    early = early_by(event)
    detail = "" if early is None else f"{length_words(early)} before the time announced"
    state = StepState.NOW if event.outcome is EventOutcome.ACTIVE else StepState.DONE
    yield Happening(at=event.started_at.value, words="Started", detail=detail, state=state)


def _ended(event: EventDocument) -> Iterator[Happening]:
    at = event.ended_at.value if event.ended_at else None
    match event.outcome:
        case EventOutcome.COMPLETED:
            yield Happening(at=at, words="Over", detail=_lasted(event))
        case EventOutcome.CANCELLED:
            yield Happening(at=at, words="Cancelled: nothing happened")
        case EventOutcome.EXPIRED:
            words = "Taken to be over: nobody reports it any more"
            yield Happening(at=at, words=words, state=StepState.WARN)


def _lasted(event: EventDocument) -> str:
    if event.started_at is None or event.ended_at is None:
        return ""
    return f"it lasted {length_words(max(event.ended_at.value - event.started_at.value, timedelta()))}"
