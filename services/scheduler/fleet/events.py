"""Many watchers' snapshots merged into the events of the fleet: pure; in any order, duplicated or late."""

from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from services.scheduler.domain.hosts import SCHEDULED, STARTED
from services.scheduler.domain.rehearsals import is_rehearsal
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    EventOutcome,
    EventRecord,
    HostDrain,
)
from shared.messages import DrainState, EndedEvent, Event
from shared.topics import HostKey, host_key

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=30)
"""What a watcher says is bounded: no date or duration may take the reckoning out of the calendar."""
_PROGRESS = {SCHEDULED: 1, STARTED: 2}


class Listing(NamedTuple):
    """An event as one watcher shows it, and the hosts that it may say so of; `is_sure`: it has just looked."""

    reporter: HostKey
    event: Event
    hosts: frozenset[HostKey]
    is_sure: bool


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """An event as remembered between looks: its record, and which hosts' watchers have reported it.

    `listings` are what it was merged from last, `listed_at` is when. `recalled`: it comes from the store, which does
    not say who reported it, nor what has become of it since.
    """

    record: EventRecord
    reporters: frozenset[HostKey]
    listings: tuple[Listing, ...] = ()
    listed_at: datetime | None = None
    recalled: bool = False


class Past:
    """The ids of the latest events that were seen to end."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: dict[str, None] = {}

    def note(self, records: Iterable[EventRecord]) -> None:
        """Take in those of the records that are over."""
        self._ids |= dict.fromkeys(record.event_id for record in records if _is_over(record))
        for event_id in list(self._ids)[: max(len(self._ids) - self._most, 0)]:
            del self._ids[event_id]

    def __contains__(self, event_id: object) -> bool:
        return event_id in self._ids


def merge(
    reports: Reports, known: Mapping[str, Known], now: datetime, margin: timedelta, past: Container[str] = ()
) -> dict[str, Known]:
    """Return every event that is known or reported, with its outcome decided as of `now`.

    `past` are events that were seen to end: that they are on again only one can say who has just looked.
    """
    events: dict[str, Known] = {}
    endings = reports.endings()
    for event_id, found in _listings(reports, now).items():
        remembered = known.get(event_id)
        if event_id in endings and _told_ending(endings[event_id], _hit(remembered, found), reports) is not None:
            continue  # who still lists it has not noticed yet, or cannot look
        if remembered is None and event_id in past and not any(listing.is_sure for listing in found):
            continue
        if remembered is None or not _is_dropped(remembered, found, reports, now):
            events[event_id] = _seen(remembered, found, reports, now)
    for event_id, remembered in known.items():
        if event_id not in events:
            told = _told_ending(endings.get(event_id, ()), _hit(remembered), reports)
            over = _unseen(remembered, reports, now, margin) if told is None else _ended(remembered, told, now)
            events[event_id] = over
    return events


def recalled(record: EventRecord, reports: Reports) -> Known:
    """Return a stored event as if every watcher entitled to report it had: who did is not stored.

    Of one that no metadata service has listed, nobody's silence says that it is over.
    """
    reporters = reports.entitled(host_key(name) for name in record.resources) if record.witnessed else frozenset()
    return Known(record=record, reporters=reporters, recalled=True)


def reopened(record: EventRecord) -> EventRecord:
    """Return a record of an earlier life with its drains open again: what that life found empty need not be so now."""
    hosts = {
        host: msgspec.structs.replace(drain, drain=DrainState.DRAINING) if drain.drain == DrainState.DRAINED else drain
        for host, drain in record.hosts.items()
    }
    return msgspec.structs.replace(record, hosts=hosts)


def latest(present: HostDrain, drain: HostDrain) -> HostDrain:
    """Return the newer drain, unless the host was spared meanwhile, or is not any more: then it was measured before."""
    return drain if drain.spared is present.spared else present


def _listings(reports: Reports, now: datetime) -> dict[str, list[Listing]]:
    found: dict[str, list[Listing]] = {}
    # Most watchers list nothing most of the time.
    for reporter in sorted(host for host, snapshot in reports.snapshots.items() if snapshot.events):
        snapshot = reports.fresh_snapshot(reporter, now)
        if snapshot is None:
            continue
        is_sure = reports.is_sure(reporter, now)
        for event, hosts in reports.believed(reporter):
            if is_rehearsal(event.event_id):
                continue  # of these the store alone tells
            found.setdefault(event.event_id.upper(), []).append(Listing(reporter, event, hosts, is_sure))
    return found


def _hit(known: Known | None, found: Iterable[Listing] = ()) -> frozenset[HostKey]:
    """Return every host that an event hits, by what is known of it and who lists it."""
    hosts = frozenset(map(HostKey, known.record.hosts)) if known is not None else frozenset()
    return hosts.union(*(listing.hosts for listing in found))


def _told_ending(
    told: Iterable[tuple[HostKey, EndedEvent]], hosts: frozenset[HostKey], reports: Reports
) -> EventOutcome | None:
    """Return how an event has ended by one who may speak for all of its hosts; words that are not known say nothing.

    Of two that contradict each other, the one that says that it took place is believed.
    """
    words = {ended.outcome for who, ended in told if hosts and all(reports.may_speak_for(who, host) for host in hosts)}
    return next((outcome for outcome in (EventOutcome.COMPLETED, EventOutcome.CANCELLED) if outcome in words), None)


def _ended(known: Known, outcome: EventOutcome, now: datetime) -> Known:
    """Return an event that is over for certain; one that was seen to end before stays as it is."""
    if _is_over(known.record):
        return known
    record = msgspec.structs.replace(known.record, outcome=outcome, ended_at=now)
    return msgspec.structs.replace(known, record=record)


def _is_dropped(known: Known, found: list[Listing], reports: Reports, now: datetime) -> bool:
    """Whether one who would know does not list an event any more, and who does cannot look: its polls fail."""
    if any(listing.is_sure for listing in found):
        return False
    return any(reports.is_sure(reporter, now) for reporter in known.reporters)


def _seen(known: Known | None, found: list[Listing], reports: Reports, now: datetime) -> Known:
    """Merge listings: the furthest status counts, the earliest deadline, every believed host.

    What a watcher shows whose polls fail does not count beside those that have just looked: it may be out of date.
    """
    if known is not None and known.listings == tuple(found) and _is_live(known.record):
        return msgspec.structs.replace(known, listed_at=now)  # the same would come of it
    telling = [listing for listing in found if listing.is_sure] or found
    leading = max((listing.event for listing in telling), key=lambda event: _PROGRESS.get(event.status, 0))
    deadlines = [listing.event.not_before for listing in telling if listing.event.not_before is not None]
    reporters = frozenset(listing.reporter for listing in found) | (
        known.reporters if known is not None else frozenset()
    )
    if known is not None and _is_over(known.record):
        known = None  # the id is used again, or the event was out of sight for a moment: nothing of it holds any more
    before = known.record if known is not None else None
    hosts = frozenset(host for listing in telling for host in listing.hosts)
    record = EventRecord(
        event_id=leading.event_id.upper(),
        type=leading.type,
        status=STARTED if before is not None and before.status == STARTED else leading.status,
        resources=tuple(name for name in leading.resources if name),
        not_before=min(deadlines) if deadlines else (before.not_before if before is not None else None),
        duration_seconds=leading.duration_seconds,
        source=leading.source,
        description=leading.description,
        # Our own first sight: how long an event may hold jobs back must not depend on what is claimed.
        first_seen_at=before.first_seen_at if before is not None else now,
        hosts=_drains(before, hosts, _spared(before, hosts, telling, reports)),
        approval=before.approval if before is not None else Approval(),
    )
    witnessed = (before is not None and before.witnessed) or not all(reports.is_outside(one.reporter) for one in found)
    record = msgspec.structs.replace(_dated(record, before, now), witnessed=witnessed)
    return Known(record=record, reporters=reporters, listings=tuple(found), listed_at=now)


def _dated(record: EventRecord, before: EventRecord | None, now: datetime) -> EventRecord:
    """Return the record with what was announced first, and when it was seen to have started."""
    started_at = before.started_at if before is not None else None
    if started_at is None and record.status == STARTED and (before is None or before.status != STARTED):
        started_at = now
    announced_for = before.announced_for if before is not None else record.not_before
    return msgspec.structs.replace(record, announced_for=announced_for, started_at=started_at)


def _drains(before: EventRecord | None, hosts: frozenset[HostKey], spared: frozenset[str]) -> dict[str, HostDrain]:
    known = before.hosts if before is not None else {}
    hit = (hosts | known.keys()) - spared
    return {host: known.get(host, HostDrain(drain=DrainState.DRAINING)) for host in sorted(hit)}


def _spared(
    before: EventRecord | None,
    hosts: frozenset[HostKey],
    found: Iterable[Listing],
    reports: Reports,
) -> frozenset[str]:
    """Return hosts that the event used to name and does not any more, by a watcher that would know."""
    gone = (before.hosts.keys() if before is not None else frozenset()) - hosts
    reporters = [listing.reporter for listing in found] if gone else []
    return frozenset(host for host in gone if any(reports.may_speak_for(one, HostKey(host)) for one in reporters))


def _is_live(record: EventRecord) -> bool:
    return record.outcome is EventOutcome.ACTIVE


def _is_over(record: EventRecord) -> bool:
    """Whether an event was seen to end; one that has expired may still be on."""
    return record.outcome in (EventOutcome.COMPLETED, EventOutcome.CANCELLED)


def _unseen(known: Known, reports: Reports, now: datetime, margin: timedelta) -> Known:
    """Decide on an event that no fresh watcher lists: over if one that is sure dropped it, else it waits.

    A watcher whose polls fail shows what it last saw; that it does not list an event says nothing (DESIGN §2).
    """
    if not _is_live(known.record):
        return known
    if any(reports.is_sure(reporter, now) for reporter in known.reporters):
        ending = EventOutcome.COMPLETED if _has_happened(known, now) else EventOutcome.CANCELLED
    elif _is_given_up(known, now, margin):
        ending = EventOutcome.EXPIRED
    else:
        return known
    record = msgspec.structs.replace(known.record, outcome=ending, ended_at=now)
    return msgspec.structs.replace(known, record=record)


def _has_happened(known: Known, now: datetime) -> bool:
    """Whether an event that is gone took place: it had started, or its time came while no scheduler looked."""
    record = known.record
    if record.status == STARTED or not known.recalled:
        return record.status == STARTED
    is_let_go = record.approval.state is ApprovalState.APPROVED
    return is_let_go or (record.not_before is not None and record.not_before <= now)


def _is_given_up(known: Known, now: datetime, margin: timedelta) -> bool:
    """Whether an event that nobody reports any more has waited long enough.

    One that has lasted longer than it was to is waited for from when a watcher listed it last.
    """
    expected = latest_end(known.record, margin)
    return now >= (expected if known.listed_at is None else max(expected, known.listed_at + margin))


def latest_end(record: EventRecord, margin: timedelta) -> datetime:
    """Return when an event that nobody reports any more is given up: NotBefore (or first sight) + duration + margin."""
    start = min(record.not_before or record.first_seen_at, LATEST)
    seconds = min(max(record.duration_seconds or 0, 0), LONGEST.total_seconds())
    return start + timedelta(seconds=seconds) + margin


def unconfirmed(known: Known, reports: Reports, now: datetime) -> bool:
    """Whether no watcher is left that has reported the event and could tell whether it still stands."""
    return not any(reports.is_sure(reporter, now) for reporter in known.reporters)
