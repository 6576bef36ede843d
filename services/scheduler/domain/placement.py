"""Where an occurrence runs, or why it waits: pure decisions over one view of the fleet.

Everything that moves, holds or lets run because of a host is decided here (docs/maintenance.md).
"""

from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.actions import HttpCall
from services.scheduler.domain.choosing import Blocked, Choice, Found, Load, choose
from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.hosts import SCHEDULED, FleetView, HostView, Loss, Threat
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import (
    AUTO,
    HostChoice,
    LastStanding,
    Placement,
    ResolvedMaintenance,
    Strategy,
)
from services.scheduler.domain.threats import Case, barriers, cause_of, describe, is_due, lead_of, tolerance
from shared.topics import HostKey, host_key


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Start now. `host` is None for a job that no known host serves.

    `away_from` names the host it was moved off, `event_id` what threatens that host.
    """

    host: HostView | None = None
    away_from: HostKey | None = None
    event_id: str | None = None
    reason: str = ""
    record: DecisionRecord


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Wait until hosts change. `waiting_for` is the host or pool whose state is the reason.

    `event_id` is what threatens `host`, `traits` what rules tell it apart by; None and empty when it is only not known.
    """

    waiting_for: str
    host: HostKey | None = None
    reason: str
    event_id: str | None = None
    traits: str = ""
    record: DecisionRecord


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Wait a moment: `host`, which it would run on, has as many executions as it may."""

    host: HostKey


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """Do not run at all: the host that the job is pinned to is not coming back."""

    host: HostKey
    reason: str
    record: DecisionRecord


Decision = Run | Hold | Queue | Lost


class Candidates(msgspec.Struct, frozen=True, kw_only=True):
    """Which hosts a job may use: `home` first where it names one, `others` to move to."""

    home: HostView | None
    others: tuple[HostView, ...]
    pool: str | None
    missing: str = ""

    def all(self) -> tuple[HostView, ...]:
        """Return every one of them."""
        return self.others if self.home is None else (self.home, *self.others)


def home_of(definition: JobDefinition, fleet: FleetView) -> HostView | None:
    """Return the host that a job names, by placement or by its URI's host (name, computer name or address)."""
    placement = definition.placement
    if placement is not None and placement.host:
        return fleet.get(host_key(placement.host))
    if placement is not None or not fleet:
        return None
    call = definition.action.call
    return fleet.named(_authority(call.uri)) if isinstance(call, HttpCall) else None


def home_name(definition: JobDefinition) -> str | None:
    """Return what a job's own host is called by the job: its key by placement, else its URI's host; None without one.

    Hosts answer to their key, their computer name and their addresses.
    """
    placement = definition.placement
    if placement is not None:
        return host_key(placement.host) if placement.host else None
    call = definition.action.call
    return (_authority(call.uri) or None) if isinstance(call, HttpCall) else None


@lru_cache(4096)
def _authority(uri: str) -> str:
    """Return the host that a URI names; asked for at every start, and costly to find."""
    try:
        return urlsplit(uri).hostname or ""
    except ValueError:
        return ""


def candidates(definition: JobDefinition, home: HostView | None, fleet: FleetView) -> Candidates:
    """Return the hosts a job may use; `missing` says which named host or pool nobody has reported yet."""
    placement = definition.placement or _NO_PLACEMENT
    members = fleet.members(placement.pool) if placement.pool else ()
    others = tuple(host for host in members if host.loss is None and host is not home)
    missing = ""
    if home is None and not others:
        missing = placement.host or placement.pool or ""
    return Candidates(home=home, others=others, pool=placement.pool, missing=missing)


_NO_PLACEMENT = Placement()


def decide(case: Case, fleet: FleetView, load: Load) -> Decision:
    """Decide where an occurrence that is due runs, or why it does not."""
    home = home_of(case.definition, fleet)
    if case.definition.placement is None and home is None:
        return _ANYWHERE
    options = candidates(case.definition, home, fleet)
    if options.missing:
        gone = f"every host of {options.missing} is lost" if fleet.members(options.missing) else ""
        return _unreported(options.missing, gone)
    return _Judge(case, options, load).decide()


def _unreported(missing: str, gone: str = "") -> Hold:
    """Wait until a watcher reports a host that would do; `gone` says what has become of those that were reported."""
    return Hold(
        waiting_for=missing,
        reason=f"{gone}, and no watcher has reported another" if gone else f"no watcher has reported {missing} yet",
        record=DecisionRecord(verdict=Verdict.HELD, cause=Cause.UNKNOWN_HOST),
    )


_ANYWHERE = Run(record=DecisionRecord(verdict=Verdict.RAN, cause=Cause.UNPLACED))


class _Judge:
    """One decision about a job that has hosts to run on."""

    def __init__(self, case: Case, options: Candidates, load: Load) -> None:
        self._case = case
        self._options = options
        policy = case.definition.placement.choice if case.definition.placement is not None else HostChoice.SPREAD
        self._choice = Choice(policy=policy, uid=case.uid, occurrence=case.occurrence, load=load, now=case.now)
        self._blocked = {
            host.key: Blocked(host, threats[0])
            for host in options.all()
            if host.threats and (threats := barriers(case, host))
        }

    def decide(self) -> Decision:
        """Stay at home where there is one, unless something speaks against it and there is somewhere else to go."""
        home = self._options.home
        if home is None:
            return self._in_pool()
        if home.loss is not None and self._rule(home.loss).strategy is not Strategy.IGNORE:
            return self._from_lost(home, home.loss)
        if home.key in self._blocked:
            return self._off_home(home)
        return self._at_home(home)

    def _at_home(self, home: HostView) -> Decision:
        """Run at home, or elsewhere while it is full or has only just come back."""
        is_full = self._choice.is_full(home)
        if is_full or (self._options.others and self._choice.is_cold(home)):
            found = self._find()
            if found.host is not None and (is_full or not self._choice.is_cold(found.host)):
                cause, why = (Cause.FULL, "is full") if is_full else (Cause.WARMING_UP, "is warming up")
                return self._rerouted(found, home.key, cause, f"moved off {home.key}, which {why}")
        return Queue(host=home.key) if is_full else self._run(home, Cause.HOME)

    def _off_home(self, home: HostView) -> Decision:
        threat = self._blocked[home.key].threat
        # Hold wins over reroute: one event that wants its jobs held is not outvoted by another.
        if any(self._rule(each).strategy is not Strategy.REROUTE for each in barriers(self._case, home)):
            return self._hold(home.key, home)
        found = self._find()
        if found.host is not None:
            return self._rerouted(
                found, home.key, cause_of(threat), f"moved off {home.key}: {describe(threat, home.key)}"
            )
        if found.full is not None:
            return Queue(host=found.full.key)
        return self._nowhere(home.key, home, found)

    def _from_lost(self, home: HostView, loss: Loss) -> Decision:
        """Fall to the pool, which may get new hosts; without one the job has nowhere to run, ever."""
        reason = f"{home.key} is not coming back: its {loss.type} was over at {loss.at:%Y-%m-%d %H:%M:%S} UTC"
        if not self._options.others:
            if self._options.pool is not None:
                return _unreported(self._options.pool, reason)
            record = DecisionRecord(
                verdict=Verdict.MISSED,
                cause=Cause.LOST,
                away_from=home.key,
                event_id=loss.event_id,
                event_type=loss.type,
            )
            return Lost(host=home.key, reason=reason, record=record)
        found = self._find()
        if found.host is not None:
            return self._rerouted(found, home.key, Cause.LOST, f"moved off {home.key}: {reason}")
        if found.full is not None:
            return Queue(host=found.full.key)
        return self._nowhere(self._options.pool or home.key, self._wished(), found)

    def _in_pool(self) -> Decision:
        """Choose among a pool's members; nothing ties the job to one of them, so it waits only when none is free."""
        found = self._find()
        wished = self._wished()
        if found.host is None:
            if found.full is not None:
                return Queue(host=found.full.key)
            return self._nowhere(self._options.pool or wished.key, wished, found)
        if wished.key in self._blocked:
            threat = self._blocked[wished.key].threat
            why = f"moved off {wished.key}: {describe(threat, wished.key)}"
            return self._rerouted(found, wished.key, cause_of(threat), why)
        return self._run(found.host, _CHOSEN_BY[self._choice.policy], found)

    def _wished(self) -> HostView:
        """Return the host that would have been chosen if nothing threatened any."""
        return min(self._options.others, key=self._choice.preference)

    def _nowhere(self, waiting_for: str, wished: HostView, found: Found) -> Decision:
        """Every host that would do is threatened: run on the least urgent one if the job says so, else wait."""
        options = [host for host in self._options.all() if host.loss is None and self._is_endurable(host)]
        least = max(options, key=self._endurance, default=None)
        if least is None:
            return self._hold(waiting_for, wished, found)
        if self._choice.is_full(least):
            return Queue(host=least.key)
        if least.key == wished.key:
            return self._run(least, Cause.LEAST_URGENT, found)
        why = f"moved off {wished.key}: every host is threatened, {least.key} for the longest time not yet"
        return self._rerouted(found, wished.key, Cause.LEAST_URGENT, why, onto=least)

    def _is_endurable(self, host: HostView) -> bool:
        """Whether all of a host's threats let the last one standing run, and leave it the time to be done."""
        return all(
            self._rule(threat).last_standing is LastStanding.RUN_ON_LEAST_URGENT
            and self._rule(threat).strategy is Strategy.REROUTE
            and threat.status == SCHEDULED
            and not threat.closed
            and threat.not_before is not None
            and threat.not_before - self._case.now > lead_of(AUTO, self._case)
            and not is_due(threat, self._rule(threat), self._case)
            for threat in barriers(self._case, host)
        )

    def _endurance(self, host: HostView) -> tuple[bool, datetime, HostKey]:
        """Return what orders hosts for the last one standing, the best last: room, then time until the first event."""
        deadlines = (threat.not_before for threat in barriers(self._case, host) if threat.not_before is not None)
        return not self._choice.is_full(host), min(deadlines, default=self._case.now), host.key

    def _find(self) -> Found:
        return choose(self._options.others, self._blocked, self._choice)

    def _rule(self, of: Threat | Loss) -> ResolvedMaintenance:
        return self._case.policies.under(of.traits)

    def _run(self, host: HostView, cause: Cause, found: Found | None = None) -> Run:
        """Run where nothing stands against it, or what does is not to be minded, or not yet."""
        found = found or Found(host=host)
        cause = tolerance(self._case, host) or cause
        return Run(host=host, record=self._record(Verdict.RAN, cause, found, host.threats[0] if host.threats else None))

    def _rerouted(
        self, found: Found, away_from: HostKey, cause: Cause, reason: str, *, onto: HostView | None = None
    ) -> Run:
        blocked = self._blocked.get(away_from)
        threat = blocked.threat if blocked is not None else None
        record = self._record(Verdict.REROUTED, cause, found, threat)
        return Run(
            host=onto or found.host,
            away_from=away_from,
            event_id=threat.event_id if threat is not None else None,
            reason=reason,
            record=replace(record, away_from=away_from),
        )

    def _hold(self, waiting_for: str, host: HostView, found: Found | None = None) -> Hold:
        threat = self._blocked[host.key].threat
        return Hold(
            waiting_for=waiting_for,
            host=host.key,
            reason=describe(threat, waiting_for),
            event_id=threat.event_id,
            traits=str(threat.traits),
            record=self._record(Verdict.HELD, cause_of(threat), found or Found(), threat),
        )

    def _record(self, verdict: Verdict, cause: Cause, found: Found, threat: Threat | None) -> DecisionRecord:
        if threat is None:
            return DecisionRecord(verdict=verdict, cause=cause, considered=found.considered, hosts=found.hosts)
        return DecisionRecord(
            verdict=verdict,
            cause=cause,
            event_id=threat.event_id,
            event_type=threat.type,
            not_before=threat.not_before,
            strategy=self._rule(threat).strategy,
            decided_by=self._case.policies.origins(threat.traits)["strategy"],
            expected=self._case.expected,
            considered=found.considered,
            hosts=found.hosts,
        )


_CHOSEN_BY = {
    HostChoice.SPREAD: Cause.SPREAD,
    HostChoice.STICKY: Cause.STICKY,
    HostChoice.RANDOM: Cause.RANDOM,
}
