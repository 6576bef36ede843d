"""Which of several hosts an occurrence runs on: who is free, who has room, who shares least with the threatened. Pure.

Nothing is drawn by chance: what looks random is a digest of the occurrence (or job) and the host, so that every replica
decides alike and a decision can be explained afterwards.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec

from services.scheduler.domain.decisions import LISTED, Standing, Weighed
from services.scheduler.domain.hosts import HostView, Threat
from services.scheduler.domain.policies import HostChoice
from shared.topics import HostKey

Load = Callable[[HostKey], tuple[int, float]]
"""How busy a host is, for ordering: executions running there, then when one last started."""
_DRAWS = 2**64


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How a host is to be chosen: by which policy, for which job and occurrence, how busy hosts are, and when."""

    policy: HostChoice
    uid: str
    occurrence: str
    load: Load
    now: datetime

    def is_full(self, host: HostView) -> bool:
        """Whether a host has as many executions as it may."""
        return host.capacity is not None and self.load(host.key)[0] >= host.capacity

    def is_cold(self, host: HostView) -> bool:
        """Whether a host that has just come back is not to have this occurrence: its share grows as it warms up."""
        warmth = host.warmth(self.now)
        return warmth < 1 and _draw(self.occurrence, host.key) >= warmth

    def preference(self, host: HostView) -> tuple[float, float, HostKey]:
        """Return what orders hosts that are otherwise alike; the least is chosen."""
        match self.policy:
            case HostChoice.STICKY:
                return 0.0, _draw(self.uid, host.key), host.key
            case HostChoice.RANDOM:
                return 0.0, _draw(f"{self.occurrence}!", host.key), host.key
            case _:
                return *self.load(host.key), host.key


class Blocked(msgspec.Struct, frozen=True):
    """A host that the job is kept off, and by what."""

    host: HostView
    threat: Threat


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a choice came to; without `host`, `full` is the one that would do if it had room (None: nobody is free)."""

    host: HostView | None = None
    full: HostView | None = None
    considered: int = 0
    hosts: tuple[Weighed, ...] = ()


def choose(hosts: Sequence[HostView], blocked: Mapping[HostKey, Blocked], choice: Choice) -> Found:
    """Return the free host that shares least with the blocked ones, and of those the one that the policy prefers.

    Hosts that an advisory names come after their likes. Among the blocked ones may be hosts that are no candidates. A
    host that is warming up has its turn only now and then, unless there is no other.
    """
    free = [host for host in hosts if host.key not in blocked]
    roomy = [host for host in free if not choice.is_full(host)]
    eligible = [host for host in roomy if not choice.is_cold(host)] or roomy
    kin = Kin(blocked.values())
    chosen = min(eligible, key=lambda host: (kin.of(host), host.advised, choice.preference(host)), default=None)
    weighed = _Weighing(blocked, kin, chosen, roomy=_keys(roomy), eligible=_keys(eligible))
    return Found(
        host=chosen,
        full=min(free, key=choice.preference, default=None) if chosen is None else None,
        considered=len(hosts),
        hosts=weighed.listed(hosts),
    )


class Kin:
    """What blocked hosts have in common with others: what may be hit with them, or next."""

    def __init__(self, blocked: Iterable[Blocked]) -> None:
        hit = [each.host for each in blocked]
        self._is_empty = not hit
        self._resources = frozenset(key for host in hit for threat in host.threats for key in threat.resources)
        self._faults = {(host.scale_set, host.fault_domain) for host in hit if host.fault_domain}
        self._updates = {(host.scale_set, host.update_domain) for host in hit if host.update_domain}
        self._zones = {host.zone for host in hit if host.zone}
        self._sets = {host.scale_set for host in hit if host.scale_set}

    def of(self, host: HostView) -> tuple[bool, ...]:
        """Return what a host shares with them, the closest kinship first: the least is the safest.

        Domains are numbered within a scale set, zones within a region.
        """
        if self._is_empty:
            return ()
        return (
            host.key in self._resources,
            (host.scale_set, host.fault_domain) in self._faults,
            (host.scale_set, host.update_domain) in self._updates,
            host.zone in self._zones,
            host.scale_set in self._sets,
        )


class _Weighing(msgspec.Struct, frozen=True):
    """How each host stood, for the record."""

    blocked: Mapping[HostKey, Blocked]
    kin: Kin
    chosen: HostView | None
    roomy: frozenset[HostKey]
    eligible: frozenset[HostKey]

    def listed(self, hosts: Sequence[HostView]) -> tuple[Weighed, ...]:
        """Return the first so many hosts, the chosen one before them."""
        others = [host for host in hosts if host is not self.chosen]
        first = (self.chosen, *others[: LISTED - 1]) if self.chosen is not None else others[:LISTED]
        return tuple(self._weighed(host) for host in first)

    def _weighed(self, host: HostView) -> Weighed:
        if host.key in self.blocked:
            return Weighed(host.key, Standing.THREATENED, self.blocked[host.key].threat.event_id)
        return Weighed(host.key, self._standing(host))

    def _standing(self, host: HostView) -> Standing:
        if host is self.chosen:
            return Standing.CHOSEN
        if host.key not in self.roomy:
            return Standing.FULL
        if host.key not in self.eligible:
            return Standing.WARMING_UP
        is_related = self.chosen is not None and self.kin.of(host) > self.kin.of(self.chosen)
        return Standing.RELATED if is_related else Standing.BUSIER


def _keys(hosts: Iterable[HostView]) -> frozenset[HostKey]:
    return frozenset(host.key for host in hosts)


def _draw(seed: str, host: HostKey) -> float:
    """Return a number from 0 to 1 that depends on nothing but these two."""
    return int.from_bytes(blake2b(f"{seed}@{host}".encode(), digest_size=8).digest()) / _DRAWS
