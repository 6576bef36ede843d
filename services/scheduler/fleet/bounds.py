"""What one event may do at the most: to how much of a pool, and for how long. Pure; the same on every replica."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from services.scheduler.domain.hosts import SCHEDULED, STARTED, Spared
from services.scheduler.domain.rehearsals import is_rehearsal
from services.scheduler.fleet.events import LATEST, Known
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.records import EventOutcome, EventRecord, HostDrain
from shared.messages import DrainState
from shared.topics import HostKey

FARTHEST = timedelta(days=14)
"""A NotBefore further away is no date to wait for: Azure announces a Redeploy seven days ahead (reference §1.5)."""
_THREATENING = frozenset({SCHEDULED, STARTED})
_HEARSAY = ""
_REHEARSED = "rehearsals"


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's bounds: a share of each pool, above 0 and at most 1 (all of it), and a time (None: for ever)."""

    pool_share: float = 1.0
    hold: timedelta | None = timedelta(hours=24)


def bounded(known: Mapping[str, Known], reports: Reports, bounds: Bounds, now: datetime) -> dict[str, Known]:
    """Return the events with each host marked that they may not, or no longer, keep jobs off."""
    live = [each.record for each in known.values() if _may_threaten(each.record)]
    beyond = beyond_share([event for event in live if not hold_is_over(event, bounds, now)], reports, bounds.pool_share)
    return {event_id: _marked(each, beyond, bounds, now) for event_id, each in known.items()}


def hold_ends(event: EventRecord, hold: timedelta) -> datetime:
    """Return when an event stops keeping jobs off, whatever it says: so long after its NotBefore.

    It counts from our own first sight where that comes later, or where NotBefore is unknown or absurd: the end cannot
    be put off for ever by moving NotBefore on and on.
    """
    seen = min(event.first_seen_at, LATEST)
    start = event.not_before
    return (start if start is not None and seen <= start <= seen + FARTHEST else seen) + hold


def hold_is_over(event: EventRecord, bounds: Bounds, now: datetime) -> bool:
    """Whether an event has kept jobs off for as long as it may. That is final, and nobody approves it any more."""
    if any(drain.spared is Spared.HOLD for drain in event.hosts.values()):
        return True
    return bounds.hold is not None and now >= hold_ends(event, bounds.hold)


def beyond_share(events: Iterable[EventRecord], reports: Reports, share: float) -> frozenset[tuple[str, str]]:
    """Return the events' hosts, as (event id, host key), that are beyond the share of one of their pools.

    Each event may have its share of a pool, and one host in any case. Hosts whose own watcher has reported the event
    come first, then by name. What only neighbours say counts together, as if it were one event: many forged ones
    reach no further than one. So do rehearsals together.
    """
    if share >= 1:
        return frozenset()
    sizes = Counter(pool for inventory in reports.inventories.values() for pool in set(inventory.pools))
    taken: dict[tuple[str, str], set[str]] = {}
    beyond: set[tuple[str, str]] = set()
    for event in sorted(events, key=lambda event: event.event_id):
        rehearsed = is_rehearsal(event.event_id)
        for together, host in sorted(
            (rehearsed or not reports.has_reported(HostKey(host), event.event_id), host) for host in event.hosts
        ):
            common = _REHEARSED if rehearsed else _HEARSAY
            payers = (event.event_id, common) if together else (event.event_id,)
            pools = reports.pools(HostKey(host))
            places = [(taken.setdefault((payer, pool), set()), sizes[pool]) for payer in payers for pool in pools]
            if all(host in hosts or len(hosts) < max(1, int(share * size)) for hosts, size in places):
                for hosts, _ in places:
                    hosts.add(host)
            else:
                beyond.add((event.event_id, host))
    return frozenset(beyond)


def _marked(known: Known, beyond: frozenset[tuple[str, str]], bounds: Bounds, now: datetime) -> Known:
    event = known.record
    if not _may_threaten(event):
        return known
    is_over = hold_is_over(event, bounds, now)
    hosts = {
        host: _drain(drain, Spared.HOLD if is_over else Spared.SHARE if (event.event_id, host) in beyond else None)
        for host, drain in event.hosts.items()
    }
    if hosts == event.hosts:
        return known
    return msgspec.structs.replace(known, record=msgspec.structs.replace(event, hosts=hosts))


def _drain(drain: HostDrain, spared: Spared | None) -> HostDrain:
    """Return a drain with its mark; a host that jobs may use again is not drained."""
    if drain.spared is spared:
        return drain
    reopened = DrainState.DRAINING if drain.drain == DrainState.DRAINED else drain.drain
    return msgspec.structs.replace(drain, drain=reopened, spared=spared)


def _may_threaten(event: EventRecord) -> bool:
    return event.outcome is EventOutcome.ACTIVE and event.status in _THREATENING
