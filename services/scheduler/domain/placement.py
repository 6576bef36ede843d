"""Where an occurrence runs, or why it waits: pure decisions over one view of the fleet.

Everything that moves, holds or lets run because of a host is decided here (docs/lifecycle.md).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from services.scheduler.domain.actions import HttpCall
from services.scheduler.domain.hosts import STARTED, HostView, Threat
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import InFlight, Placement, ResolvedMaintenance, Strategy, resolve
from shared.topics import HostKey, host_key

Fleet = Mapping[HostKey, HostView]
Load = Callable[[HostKey], tuple[int, float]]
"""How busy a host is, for ordering: executions running there, then when one last started."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Start now. `host` is None for a job that no known host serves.

    `away_from` names the host it was moved off, `event_id` what threatens that host.
    """

    host: HostView | None = None
    away_from: HostKey | None = None
    event_id: str | None = None
    reason: str = ""


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Wait. `waiting_for` is the host or pool whose state is the reason.

    `event_id` and `event_type` are what threatens `host`; None and empty when it is only not known.
    """

    waiting_for: str
    host: HostKey | None = None
    reason: str
    event_id: str | None = None
    event_type: str = ""


Decision = Run | Hold


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """Which hosts a job may use: `home` first where it names one, `others` to move to."""

    home: HostView | None
    others: tuple[HostView, ...]
    pool: str | None
    missing: str = ""


def home_of(definition: JobDefinition, fleet: Fleet) -> HostView | None:
    """Return the host that a job names, by placement or by its URI's host (name, computer name or address)."""
    placement = definition.placement
    if placement is not None and placement.host:
        return fleet.get(host_key(placement.host))
    if placement is not None:
        return None
    call = definition.action.call
    return _host_of_uri(call.uri, fleet) if isinstance(call, HttpCall) else None


def _host_of_uri(uri: str, fleet: Fleet) -> HostView | None:
    authority = _authority(uri) if fleet else None
    if not authority:
        return None
    if (by_name := fleet.get(_key_of(authority))) is not None:
        return by_name
    return next((host for host in fleet.values() if _answers_to(host, authority)), None)


@lru_cache(4096)
def _authority(uri: str) -> str | None:
    """Return the host that a URI names; asked for at every start, and costly to find."""
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None


_key_of = lru_cache(4096)(host_key)


def _answers_to(host: HostView, authority: str) -> bool:
    return authority == host.computer_name.lower() or authority in host.addresses


def candidates(definition: JobDefinition, fleet: Fleet) -> Candidates:
    """Return the hosts a job may use; `missing` says which named host or pool nobody has reported yet."""
    placement = definition.placement or Placement()
    home = home_of(definition, fleet)
    pool = placement.pool
    members = tuple(host for host in fleet.values() if pool in host.pools) if pool else ()
    others = tuple(host for host in members if home is None or host.key != home.key)
    missing = ""
    if placement.host and home is None and not others:
        missing = placement.host
    elif pool and not members and home is None:
        missing = pool
    return Candidates(home=home, others=others, pool=pool, missing=missing)


def stops(threat: Threat, rule: ResolvedMaintenance, now: datetime) -> bool:
    """Whether a threat keeps a job with this rule off the host now; before the lead time has come it does not."""
    if rule.strategy is Strategy.IGNORE:
        return False
    if rule.lead_time is None or threat.not_before is None or threat.closed or threat.status == STARTED:
        return True
    return threat.not_before - now <= rule.lead_time


def barriers(definition: JobDefinition, host: HostView, now: datetime) -> tuple[Threat, ...]:
    """Return the host's threats that keep this job off it now."""
    return tuple(threat for threat in host.threats if stops(threat, rule_for(definition, threat), now))


def rule_for(definition: JobDefinition, threat: Threat) -> ResolvedMaintenance:
    """Return what applies to a job under a threat."""
    return resolve(definition.maintenance, threat.type, has_pool=has_pool(definition))


def has_pool(definition: JobDefinition) -> bool:
    """Whether the job has somewhere to move to."""
    return definition.placement is not None and definition.placement.pool is not None


def decide(definition: JobDefinition, fleet: Fleet, load: Load, now: datetime) -> Decision:
    """Decide where an occurrence that is due runs, or why it waits."""
    if definition.placement is None and home_of(definition, fleet) is None:
        return _ANYWHERE
    options = candidates(definition, fleet)
    if options.missing:
        return Hold(waiting_for=options.missing, reason=f"no watcher has reported {options.missing} yet")
    if options.home is not None:
        return _from_home(definition, options.home, options.others, load, now)
    if options.others:
        return _from_pool(definition, options, load, now)
    return _ANYWHERE


_ANYWHERE = Run()


def _from_home(
    definition: JobDefinition, home: HostView, others: tuple[HostView, ...], load: Load, now: datetime
) -> Decision:
    threats = barriers(definition, home, now)
    if not threats:
        return Run(host=home)
    # Hold wins over reroute: one event that wants its jobs held is not outvoted by another.
    movable = all(rule_for(definition, threat).strategy is Strategy.REROUTE for threat in threats)
    refuge = _safest(definition, others, (home,), load, now) if movable else None
    if refuge is None:
        return _hold(home.key, home.key, threats[0])
    return _moved(refuge, home.key, threats[0])


def _from_pool(definition: JobDefinition, options: Candidates, load: Load, now: datetime) -> Decision:
    """Choose among a pool's members; nothing ties the job to one of them, so it waits only when none is free."""
    threats = {host.key: barriers(definition, host, now) for host in options.others}
    blocked = tuple(host for host in options.others if threats[host.key])
    wished = min(options.others, key=lambda host: (load(host.key), host.key))
    chosen = _safest(definition, options.others, blocked, load, now)
    if chosen is None:
        return _hold(options.pool or wished.key, wished.key, threats[wished.key][0])
    if wished not in blocked:
        return Run(host=chosen)
    return _moved(chosen, wished.key, threats[wished.key][0])


def _moved(refuge: HostView, away_from: HostKey, threat: Threat) -> Run:
    reason = f"moved off {away_from}: {describe(threat, away_from)}"
    return Run(host=refuge, away_from=away_from, event_id=threat.event_id, reason=reason)


def _hold(waiting_for: str, host: HostKey, threat: Threat) -> Hold:
    return Hold(
        waiting_for=waiting_for,
        host=host,
        reason=describe(threat, waiting_for),
        event_id=threat.event_id,
        event_type=threat.type,
    )


def _safest(
    definition: JobDefinition, hosts: tuple[HostView, ...], avoid: tuple[HostView, ...], load: Load, now: datetime
) -> HostView | None:
    """Return the free host that shares least with the threatened ones, then the least busy, then by name."""
    free = [host for host in hosts if not barriers(definition, host, now)]
    return min(free, key=lambda host: (_shared_fate(host, avoid), load(host.key), host.key), default=None)


def _shared_fate(host: HostView, avoid: tuple[HostView, ...]) -> int:
    """Weigh what a host shares with threatened ones: an event's resources count more than a fault domain."""
    same_event = any(host.key in threat.resources for other in avoid for threat in other.threats)
    same_domain = any(host.fault_domain and host.fault_domain == other.fault_domain for other in avoid)
    return 2 * same_event + same_domain


def describe(threat: Threat, where: str) -> str:
    """Return a threat as a reason for people: what, where, and when."""
    if threat.reason:
        return f"{where}: {threat.reason}"
    if threat.status == STARTED:
        return f"{threat.type} of {where} has started"
    if threat.not_before is None:
        return f"{threat.type} of {where} is announced"
    return f"{threat.type} of {where} is due at {threat.not_before:%Y-%m-%d %H:%M:%S} UTC"


def to_cancel(definition: JobDefinition, host: HostView, now: datetime) -> Threat | None:
    """Return the threat that ends a running execution on `host` now: its rule says Cancel and its time has come."""
    return next(
        (
            threat
            for threat in barriers(definition, host, now)
            if rule_for(definition, threat).in_flight is InFlight.CANCEL
        ),
        None,
    )


def counts_against_drain(definition: JobDefinition, threat: Threat) -> bool:
    """Whether a running execution keeps its host from being drained; jobs that ignore the event do not."""
    return rule_for(definition, threat).strategy is not Strategy.IGNORE
