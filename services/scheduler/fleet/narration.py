"""Changes of events and hosts as plain sentences, for the terminal, the portal and the stream: pure."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from services.scheduler.domain.hosts import MANUAL, STARTED, HostView, Spared
from services.scheduler.domain.rehearsals import LABEL, is_rehearsal, kind_words
from services.scheduler.store.records import (
    ApprovalState,
    EventOutcome,
    EventRecord,
)
from shared.messages import DrainState


class Sentence(msgspec.Struct, frozen=True):
    """One thing that is new; `bare` is what callers confined to some collections read: no numbers of jobs in it."""

    full: str
    bare: str


def of_event(before: EventRecord | None, after: EventRecord) -> Iterator[Sentence]:
    """Yield what is new about an event; of a rehearsal, each sentence says so."""
    told = _of_event(before, after)
    yield from map(_rehearsed, told) if is_rehearsal(after.event_id) else told


def _rehearsed(told: Sentence) -> Sentence:
    return Sentence(full=f"{LABEL} {told.full}", bare=f"{LABEL} {told.bare}")


def _of_event(before: EventRecord | None, after: EventRecord) -> Iterator[Sentence]:
    where = ", ".join(after.resources)
    yield from map(_for_all, _heard(before, after, where))
    yield from map(_for_all, _spared(before, after))
    if before is not None:
        yield from _drained(before, after)
        yield from map(_for_all, _approved(before, after, where))
        if after.outcome is not before.outcome:
            yield from map(_for_all, _over(after, where))


def _heard(before: EventRecord | None, after: EventRecord, where: str) -> Iterator[str]:
    if before is None or before.outcome is not EventOutcome.ACTIVE:
        yield from _announced(after, where)
    elif after.status != before.status and after.status == STARTED:
        yield f"{after.type} of {where} has started: the host is interrupted"
    elif after.not_before != before.not_before and after.not_before is not None:
        yield f"{after.type} of {where} is moved to {_clock(after.not_before, after)}"


def _announced(event: EventRecord, where: str) -> Iterator[str]:
    if event.outcome is not EventOutcome.ACTIVE:
        return
    said = event.description.removeprefix(LABEL).strip().rstrip(".")
    why = f" ({said})" if said else ""
    who = "an operator" if is_rehearsal(event.event_id) else "Azure"
    if event.status == STARTED:
        yield f"{event.type} of {where} has started without notice{why}"
    elif event.not_before is None:
        yield f"{who} announces a {event.type} of {where}{why}"
    else:
        yield f"{who} announces a {event.type} of {where}, not before {_clock(event.not_before, event)}{why}"


def _drained(before: EventRecord, after: EventRecord) -> Iterator[Sentence]:
    for host, drain in after.hosts.items():
        earlier = before.hosts.get(host)
        if earlier is None or earlier.drain == drain.drain:
            continue
        counts = f"{drain.rerouted} rerouted, {drain.held} held"
        if drain.drain == DrainState.DRAINED:
            drained = f"{host} is drained: nothing runs there any more"
            yield Sentence(full=f"{drained} ({counts})", bare=drained)
        elif drain.drain == DrainState.OVERDUE:
            overdue = f"{host} is not drained in time"
            yield Sentence(full=f"{overdue}: {drain.running} still running ({counts})", bare=overdue)


def _spared(before: EventRecord | None, after: EventRecord) -> Iterator[str]:
    for host, drain in after.hosts.items():
        earlier = before.hosts.get(host) if before is not None else None
        if drain.spared is None or (earlier is not None and earlier.spared is drain.spared):
            continue
        if drain.spared is Spared.SHARE:
            yield f"{host} stays in use: one event may not take more of its pool than the {after.type} does already"
        else:
            yield f"{host} is in use again: the {after.type} has kept jobs off it for as long as it may"


def _approved(before: EventRecord, after: EventRecord, where: str) -> Iterator[str]:
    state = after.approval.state
    if state is before.approval.state:
        return
    if state is ApprovalState.ASKED:
        yield f"Asking Azure to go ahead with the {after.type} of {where}"
    elif state is ApprovalState.APPROVED:
        yield f"Azure may go ahead: the {after.type} of {where} is approved ({after.approval.reason})"
    elif state is ApprovalState.FOREIGN:
        yield f"The {after.type} of {where} was approved by someone else"


def _over(event: EventRecord, where: str) -> Iterator[str]:
    match event.outcome:
        case EventOutcome.COMPLETED:
            yield f"{event.type} of {where} is over"
        case EventOutcome.CANCELLED:
            yield f"{event.type} of {where} is cancelled: nothing will happen"
        case EventOutcome.EXPIRED:
            yield f"{event.type} of {where}: nobody reports it any more and its time is up"
        case EventOutcome.ACTIVE:
            return


def of_host(before: HostView | None, after: HostView) -> Iterator[Sentence]:
    """Yield what is new about a host: reported, lost, back, cordoned, released."""
    yield from map(_for_all, _stands(before, after))


def _stands(before: HostView | None, after: HostView) -> Iterator[str]:
    if before is None:
        pools = f" in pool {', '.join(after.pools)}" if after.pools else ""
        yield f"{after.name} is watched{pools}"
    if after.loss is not None and (before is None or before.loss is None):
        yield f"{after.name} is gone for good: its {after.loss.type} is over and its watcher is silent"
    if before is not None and before.loss is not None and after.loss is None:
        yield f"{after.name} is back: its watcher speaks again"
    earlier = before.threats if before is not None else ()
    if after.threats and not earlier:
        first = after.threats[0]
        kind = kind_words(first.event_id, first.type)
        why = first.reason if first.type == MANUAL else f"no job starts there until the {kind} is over"
        yield f"{after.name} is cordoned: {why}"
    if earlier and not after.threats and after.loss is None:
        yield f"{after.name} is available again: held jobs are released"


def _for_all(text: str) -> Sentence:
    return Sentence(full=text, bare=text)


def _clock(instant: datetime, event: EventRecord) -> str:
    """Say the time, and the day where it is another than that of the event's first sight."""
    is_same_day = instant.date() == event.first_seen_at.date()
    return f"{instant:%H:%M:%S} UTC" if is_same_day else f"{instant:%Y-%m-%d %H:%M:%S} UTC"
