"""Which events threaten, and hosts as people see them: pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from services.scheduler.domain.hosts import MANUAL, SCHEDULED, STARTED, HostCondition, HostReport, HostView
from services.scheduler.fleet.reports import LONG_SILENCE, Reports
from services.scheduler.store.records import Cordon, EventOutcome, EventRecord
from shared.messages import DrainState, Presence

FREEZE = "freeze"
_THREATENING = frozenset({SCHEDULED, STARTED})


class Load(msgspec.Struct, frozen=True):
    """Executions running on a host and occurrences held for it."""

    running: int = 0
    held: int = 0


def threatens(event: EventRecord, ignore_freeze: timedelta) -> bool:
    """Whether an event keeps jobs off its hosts: it is live and one that is minded."""
    return event.outcome is EventOutcome.ACTIVE and is_minded(event, ignore_freeze)


def is_known(status: str) -> bool:
    """Whether a status says how far an event is; any other one makes it an advisory, which keeps no jobs off."""
    return status in _THREATENING


def is_minded(event: EventRecord, ignore_freeze: timedelta) -> bool:
    """Whether an event keeps jobs off as long as it is live: it is not advisory, and no freeze known to be short."""
    if not is_known(event.status):
        return False
    if event.type.casefold() != FREEZE or event.duration_seconds is None or not ignore_freeze:
        return True
    return not 0 <= event.duration_seconds <= ignore_freeze.total_seconds()


def condition(view: HostView, events: Mapping[str, EventRecord], *, silent: bool) -> HostCondition:
    """Return how a host stands, the worst first (DESIGN §5)."""
    if any(threat.status == STARTED for threat in view.threats):
        return HostCondition.INTERRUPTED
    if not view.threats:
        return HostCondition.SILENT if silent or view.loss is not None else HostCondition.AVAILABLE
    announced = [events[threat.event_id] for threat in view.threats if threat.event_id in events]
    if announced and all(event.hosts[view.key].drain == DrainState.DRAINED for event in announced):
        return HostCondition.DRAINED
    return HostCondition.CORDONED


def report(
    view: HostView,
    reports: Reports,
    events: Mapping[str, EventRecord],
    load: Load,
    *,
    silent: bool,
    cordon: Cordon | None,
    now: datetime,
) -> HostReport:
    """Return a host as the API shows it."""
    return HostReport(
        host=view.name,
        condition=condition(view, events, silent=silent),
        watcher=Presence.ONLINE if reports.is_online(view.key, now) else Presence.OFFLINE,
        pools=view.pools,
        addresses=view.addresses,
        events=tuple(threat.event_id for threat in view.threats if threat.type != MANUAL),
        running=load.running,
        held=load.held,
        reason=cordon.reason if cordon is not None else _lost(view),
        until=cordon.until if cordon is not None else None,
        last_seen_at=reports.heard_at(view.key),
        lost=view.loss,
    )


def _lost(view: HostView) -> str:
    loss = view.loss
    return "" if loss is None else f"lost to a {loss.type} at {loss.at:%Y-%m-%d %H:%M:%S} UTC"


def is_long_gone(view: HostView, reports: Reports, now: datetime) -> bool:
    """Whether a host is lost and its watcher has been silent for so long that nobody need see it any more."""
    if view.loss is None:
        return False
    return now - max(view.loss.at, reports.heard_at(view.key) or view.loss.at) > LONG_SILENCE
