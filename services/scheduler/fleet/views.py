"""Views of all hosts for placement: made from reports, threats and the aftermath of events, as little as needed."""

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from services.scheduler.domain.hosts import (
    MANUAL,
    MANUAL_EVENT_ID,
    NOBODY,
    SCHEDULED,
    STARTED,
    FleetView,
    HostView,
    Loss,
    Threat,
)
from services.scheduler.fleet.aftermath import Traces
from services.scheduler.fleet.hosts import is_known, threatens
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.records import ApprovalState, Cordon, EventOutcome, EventRecord
from shared.messages import Inventory
from shared.topics import HostKey, host_key

_LETTING_GO = frozenset({ApprovalState.ASKED, ApprovalState.APPROVED})
"""Once Azure was asked to go ahead the event may start at any moment, whatever its NotBefore."""

Threats = Mapping[HostKey, tuple[Threat, ...]]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator says of hosts: how long they warm up, and this replica's share of each (None: no limit)."""

    warm_up: timedelta = timedelta()
    share: Callable[[Inventory], int | None] = lambda _: None


class _Facts(NamedTuple):
    """All that is new about a host from one look to the next; a view that is made from the same is the same."""

    inventory: Inventory | None
    threats: tuple[Threat, ...]
    back_at: datetime | None
    loss: Loss | None
    advised: bool


class Beholder:
    """Makes views of all hosts; one of which nothing has changed is the same object as before.

    So is the whole, when nothing has changed: with a thousand hosts that is most of what a merge costs, and of what it
    costs to find out what has changed.
    """

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._facts: dict[HostKey, _Facts] = {}
        self._fleet = NOBODY

    def forget(self) -> None:
        """Make every view anew the next time: the terms have changed."""
        self._facts = {}

    def behold(self, reports: Reports, threats: Threats, traces: Traces, advised: Container[HostKey] = ()) -> FleetView:
        """Return every host that was heard of, is threatened or is lost, by key; `advised` have an advisory event."""
        hosts = reports.hosts() | threats.keys() | traces.losses.keys()
        before, changed = self._facts, False
        facts: dict[HostKey, _Facts] = {}
        for host in hosts:
            found = _Facts(
                reports.inventories.get(host),
                threats.get(host, ()),
                traces.back_at.get(host),
                traces.losses.get(host),
                host in advised,
            )
            known = before.get(host)
            facts[host] = known if known == found and known is not None else found
            changed = changed or facts[host] is not known
        if changed or len(facts) != len(before):
            self._fleet = FleetView(self._view(host, facts[host]) for host in sorted(facts))
            self._facts = facts
        return self._fleet

    def _view(self, host: HostKey, facts: _Facts) -> HostView:
        if facts is self._facts.get(host):
            return self._fleet[host]
        inventory = facts.inventory if facts.inventory is not None else Inventory(host=host)
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
            threats=facts.threats,
            capacity=self._terms.share(inventory),
            back_at=facts.back_at,
            warm_up=self._terms.warm_up,
            loss=facts.loss,
            advised=facts.advised,
        )


def threats_of(
    events: Iterable[EventRecord],
    cordons: Mapping[str, Cordon],
    ignore_freeze: timedelta,
    closed: Container[tuple[str, str]] = (),
    unsure: Mapping[HostKey, Threat] | None = None,
) -> Threats:
    """Return what threatens each host now, events first by deadline, then the operator's cordon.

    `closed` holds the event and host of those that no job with a lead time may use any more: we are about to approve.
    """
    threats: dict[HostKey, list[Threat]] = {host: [threat] for host, threat in (unsure or {}).items()}
    for event in events:
        if threatens(event, ignore_freeze):
            for host, drain in event.hosts.items():
                if drain.spared is not None:
                    continue
                is_closed = (event.event_id, host) in closed or event.approval.state in _LETTING_GO
                threats.setdefault(HostKey(host), []).append(_threat(event, is_closed=is_closed))
    for host, cordon in cordons.items():
        threats.setdefault(HostKey(host), []).append(_manual(cordon))
    return {host: tuple(sorted(found, key=_urgency)) for host, found in threats.items()}


def advised_by(events: Iterable[EventRecord]) -> frozenset[HostKey]:
    """Return the hosts of live events that keep no jobs off: advisories, statuses not known here (reference §1.12)."""
    live = (event for event in events if event.outcome is EventOutcome.ACTIVE)
    return frozenset(HostKey(host) for event in live if not is_known(event.status) for host in event.hosts)


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


def _urgency(threat: Threat) -> tuple[bool, bool, str, str]:
    """Started first, then by deadline, an operator's cordon last."""
    deadline = threat.not_before.isoformat() if threat.not_before is not None else "~"
    return threat.type == MANUAL, threat.status != STARTED, deadline, threat.event_id
