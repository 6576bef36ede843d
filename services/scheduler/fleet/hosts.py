"""From reports, events and cordons to hosts as placement and people see them: pure."""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from services.scheduler.domain.hosts import (
    MANUAL,
    MANUAL_EVENT_ID,
    SCHEDULED,
    STARTED,
    FleetView,
    HostCondition,
    HostReport,
    HostView,
    Threat,
)
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.records import (
    ApprovalState,
    Cordon,
    EventOutcome,
    EventRecord,
)
from shared.messages import DrainState, Inventory, Presence
from shared.topics import HostKey, host_key

FREEZE = "Freeze"
_LETTING_GO = frozenset({ApprovalState.ASKED, ApprovalState.APPROVED})
"""Once Azure was asked to go ahead the event may start at any moment, whatever its NotBefore."""
_THREATENING = frozenset({SCHEDULED, STARTED})


class Load(msgspec.Struct, frozen=True):
    """Executions running on a host and occurrences held for it."""

    running: int = 0
    held: int = 0


def threatens(event: EventRecord, ignore_freeze: timedelta) -> bool:
    """Whether an event keeps jobs off its hosts: it is live, not advisory, and no freeze known to be short enough."""
    if event.outcome is not EventOutcome.ACTIVE or event.status not in _THREATENING:
        return False
    if event.type != FREEZE or event.duration_seconds is None or not ignore_freeze:
        return True
    return timedelta(seconds=event.duration_seconds) > ignore_freeze


def views(
    reports: Reports,
    events: Iterable[EventRecord],
    cordons: Mapping[str, Cordon],
    ignore_freeze: timedelta,
    closed: Container[tuple[str, str]] = (),
) -> FleetView:
    """Return every host with what threatens it now, events first by deadline, then the operator's cordon.

    `closed` holds the event and host of those that no job with a lead time may use any more: we are about to approve.
    """
    threats: dict[HostKey, list[Threat]] = {}
    for event in events:
        if threatens(event, ignore_freeze):
            for host, drain in event.hosts.items():
                if drain.spared is not None:
                    continue
                is_closed = (event.event_id, host) in closed or event.approval.state in _LETTING_GO
                threats.setdefault(HostKey(host), []).append(_threat(event, is_closed=is_closed))
    for host, cordon in cordons.items():
        threats.setdefault(HostKey(host), []).append(_manual(cordon))
    hosts = sorted(reports.hosts() | threats.keys())
    return FleetView(_view(host, reports, threats.get(host, [])) for host in hosts)


def _threat(event: EventRecord, *, is_closed: bool) -> Threat:
    return Threat(
        event_id=event.event_id,
        type=event.type,
        status=event.status,
        not_before=None if event.status == STARTED else event.not_before,
        duration_seconds=event.duration_seconds,
        source=event.source,
        resources=frozenset(host_key(name) for name in event.resources),
        closed=is_closed,
    )


def _manual(cordon: Cordon) -> Threat:
    return Threat(
        event_id=MANUAL_EVENT_ID,
        type=MANUAL,
        status=SCHEDULED,
        not_before=None,
        resources=frozenset({HostKey(cordon.host)}),
        # Not by whom: it goes to the history of everybody's jobs that wait for it. The audit log knows.
        reason=f"cordoned by hand: {cordon.reason}" if cordon.reason else "cordoned by hand",
    )


def _view(host: HostKey, reports: Reports, threats: list[Threat]) -> HostView:
    inventory = reports.inventories.get(host, Inventory(host=host))
    return HostView(
        key=host,
        name=inventory.host,
        computer_name=inventory.computer_name,
        addresses=inventory.addresses,
        pools=inventory.pools,
        fault_domain=inventory.fault_domain,
        update_domain=inventory.update_domain,
        zone=inventory.zone,
        scale_set=inventory.scale_set,
        threats=tuple(sorted(threats, key=_urgency)),
    )


def _urgency(threat: Threat) -> tuple[bool, bool, str, str]:
    """Started first, then by deadline, an operator's cordon last."""
    deadline = threat.not_before.isoformat() if threat.not_before is not None else "~"
    return threat.type == MANUAL, threat.status != STARTED, deadline, threat.event_id


def condition(view: HostView, events: Mapping[str, EventRecord], *, silent: bool) -> HostCondition:
    """Return how a host stands, the worst first (DESIGN §5)."""
    if any(threat.status == STARTED for threat in view.threats):
        return HostCondition.INTERRUPTED
    if not view.threats:
        return HostCondition.SILENT if silent else HostCondition.AVAILABLE
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
        reason=cordon.reason if cordon is not None else "",
        until=cordon.until if cordon is not None else None,
        last_seen_at=reports.heard_at(view.key),
    )
