"""Many watchers' snapshots merged into the events of the fleet: pure; in any order, duplicated or late."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from services.scheduler.domain.hosts import SCHEDULED, STARTED
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.records import (
    Approval,
    EventOutcome,
    EventRecord,
    HostDrain,
)
from shared.messages import DrainState, Event
from shared.topics import HostKey, host_key

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=30)
"""What a watcher says is bounded: no date or duration may take the reckoning out of the calendar."""
_PROGRESS = {SCHEDULED: 1, STARTED: 2}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """An event as remembered between looks: its record and which hosts' watchers have reported it.

    `recalled`: it comes from the store, which does not say who reported it.
    """

    record: EventRecord
    reporters: frozenset[HostKey]
    recalled: bool = False


def merge(reports: Reports, known: Mapping[str, Known], now: datetime, margin: timedelta) -> dict[str, Known]:
    """Return every event that is known or reported, with its outcome decided as of `now`."""
    listings = _listings(reports, now)
    events = {event_id: _seen(known.get(event_id), found, reports, now) for event_id, found in listings.items()}
    for event_id, remembered in known.items():
        if event_id not in events:
            events[event_id] = _unseen(remembered, reports, now, margin)
    return events


def recalled(record: EventRecord, reports: Reports) -> Known:
    """Return a stored event as if every watcher entitled to report it had: who did is not stored."""
    hosts = [host_key(name) for name in record.resources]
    return Known(record=record, reporters=reports.entitled(hosts), recalled=True)


def _listings(reports: Reports, now: datetime) -> dict[str, list[tuple[HostKey, Event, frozenset[HostKey]]]]:
    found: dict[str, list[tuple[HostKey, Event, frozenset[HostKey]]]] = {}
    for reporter in sorted(reports.snapshots):
        snapshot = reports.fresh_snapshot(reporter, now)
        for event in snapshot.events if snapshot is not None else ():
            named = (host_key(name) for name in event.resources if name)
            believed = frozenset(host for host in named if reports.may_speak_for(reporter, host))
            if believed:
                found.setdefault(event.event_id.upper(), []).append((reporter, event, believed))
    return found


def _seen(
    known: Known | None, found: list[tuple[HostKey, Event, frozenset[HostKey]]], reports: Reports, now: datetime
) -> Known:
    """Merge listings: the furthest status counts, the earliest deadline, every believed host."""
    leading = max((event for _, event, _ in found), key=lambda event: _PROGRESS.get(event.status, 0))
    deadlines = [event.not_before for _, event, _ in found if event.not_before is not None]
    before = known.record if known is not None else None
    started = leading.status == STARTED or (before is not None and before.status == STARTED and _is_live(before))
    hosts = frozenset(host for _, _, believed in found for host in believed)
    record = EventRecord(
        event_id=leading.event_id.upper(),
        type=leading.type,
        status=STARTED if started else leading.status,
        resources=tuple(name for name in leading.resources if name),
        not_before=min(deadlines) if deadlines else (before.not_before if before is not None else None),
        duration_seconds=leading.duration_seconds,
        source=leading.source,
        description=leading.description,
        # Our own first sight: how long an event may hold jobs back must not depend on what is claimed.
        first_seen_at=before.first_seen_at if before is not None else now,
        hosts=_drains(before, hosts, _spared(before, hosts, found, reports)),
        approval=before.approval if before is not None else Approval(),
    )
    reporters = frozenset(reporter for reporter, _, _ in found)
    return Known(record=record, reporters=reporters | (known.reporters if known is not None else frozenset()))


def _drains(before: EventRecord | None, hosts: frozenset[HostKey], spared: frozenset[str]) -> dict[str, HostDrain]:
    known = before.hosts if before is not None else {}
    hit = (hosts | known.keys()) - spared
    return {host: known.get(host, HostDrain(drain=DrainState.DRAINING)) for host in sorted(hit)}


def _spared(
    before: EventRecord | None,
    hosts: frozenset[HostKey],
    found: Iterable[tuple[HostKey, Event, frozenset[HostKey]]],
    reports: Reports,
) -> frozenset[str]:
    """Return hosts that the event used to name and does not any more, by a watcher that would know."""
    gone = (before.hosts.keys() if before is not None else frozenset()) - hosts
    reporters = [reporter for reporter, _, _ in found] if gone else []
    return frozenset(host for host in gone if any(reports.may_speak_for(one, HostKey(host)) for one in reporters))


def _is_live(record: EventRecord) -> bool:
    return record.outcome is EventOutcome.ACTIVE


def _unseen(known: Known, reports: Reports, now: datetime, margin: timedelta) -> Known:
    """Decide on an event that no fresh watcher lists: over if one that is sure dropped it, else it waits.

    A watcher whose polls fail shows what it last saw; that it does not list an event says nothing (DESIGN §2).
    """
    if not _is_live(known.record):
        return known
    if any(reports.is_sure(reporter, now) for reporter in known.reporters):
        ending = EventOutcome.COMPLETED if known.record.status == STARTED else EventOutcome.CANCELLED
    elif now >= latest_end(known.record, margin):
        ending = EventOutcome.EXPIRED
    else:
        return known
    record = msgspec.structs.replace(known.record, outcome=ending, ended_at=now)
    return msgspec.structs.replace(known, record=record)


def latest_end(record: EventRecord, margin: timedelta) -> datetime:
    """Return when an event that nobody reports any more is given up: NotBefore (or first sight) + duration + margin."""
    start = min(record.not_before or record.first_seen_at, LATEST)
    seconds = min(max(record.duration_seconds or 0, 0), LONGEST.total_seconds())
    return start + timedelta(seconds=seconds) + margin


def unconfirmed(known: Known, reports: Reports, now: datetime) -> bool:
    """Whether no watcher is left that has reported the event and could tell whether it still stands."""
    return not any(reports.is_sure(reporter, now) for reporter in known.reporters)
