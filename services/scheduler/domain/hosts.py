"""Hosts as decisions see them: names, pools, and what threatens them now."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

import msgspec

from services.scheduler.domain.policies import Traits
from shared.topics import HostKey, host_key


class HostCondition(StrEnum):
    """How a host stands, worst first in `SEVERITY` (docs/lifecycle.md).

    INTERRUPTED: an event on it has started. DRAINED: threatened and nothing runs there any more.
    CORDONED: threatened or cordoned by hand. SILENT: events are known and no fresh watcher reports. AVAILABLE: none.
    """

    INTERRUPTED = "interrupted"
    DRAINED = "drained"
    CORDONED = "cordoned"
    SILENT = "silent"
    AVAILABLE = "available"


class Threat(msgspec.Struct, frozen=True, kw_only=True):
    """One live reason to keep off a host: an event, or an operator's cordon (type MANUAL).

    `event_id` names the event, or is `cordon` for an operator's. `resources` are host keys that it hits together.
    `closed`: it may start at any moment, because it is about to be approved; no lead time is left to use.
    """

    event_id: str
    type: str
    status: str
    not_before: datetime | None
    duration_seconds: int | None = None
    source: str = ""
    resources: frozenset[HostKey] = frozenset()
    reason: str = ""
    closed: bool = False

    @property
    def traits(self) -> Traits:
        """What rules may tell it apart by."""
        return Traits(self.type, self.source, self.duration_seconds)


class Spared(StrEnum):
    """Why an event does not keep jobs off a host that it names.

    SHARE: it would take more of a pool than one event may. HOLD: it has kept them off for as long as it may.
    """

    SHARE = "share"
    HOLD = "hold"


COLDEST = 0.1
"""The share of its usual work that a host gets as soon as it is back."""
MANUAL = "Manual"
MANUAL_EVENT_ID = "cordon"
STARTED = "Started"
SCHEDULED = "Scheduled"


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """A host that is not coming back: the event that took it, and when it was over."""

    event_id: str
    type: str
    at: datetime
    source: str = ""
    duration_seconds: int | None = None

    @property
    def traits(self) -> Traits:
        """What rules may tell the event apart by."""
        return Traits(self.type, self.source, self.duration_seconds)


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    """One host at one moment, for placement.

    `capacity`: how many executions this replica may have running there (None: any number). `back_at`: since when it may
    be used again after an event; `warm_up`: how long it takes from then on until it gets its full share.
    `advised`: an advisory names it, such as that Azure may soon need the machine; it is chosen last.
    """

    key: HostKey
    name: str
    computer_name: str = ""
    addresses: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    fault_domain: str = ""
    update_domain: str = ""
    zone: str = ""
    scale_set: str = ""
    threats: tuple[Threat, ...] = ()
    capacity: int | None = None
    back_at: datetime | None = None
    warm_up: timedelta = timedelta()
    loss: Loss | None = None
    advised: bool = False

    def warmth(self, now: datetime) -> float:
        """Return which share of its usual work the host may get: 1 unless it has come back a short while ago."""
        if self.back_at is None or not self.warm_up:
            return 1.0
        return max(COLDEST, min(1.0, (now - self.back_at) / self.warm_up))

    @property
    def address(self) -> str:
        """What `{host}` stands for: the first address, else the computer name, else the resource name."""
        return self.addresses[0] if self.addresses else self.computer_name or self.name


class FleetView(Mapping[HostKey, HostView]):
    """All hosts at one moment, found by key, by pool, and by what a URI may call them."""

    def __init__(self, hosts: Iterable[HostView] = ()) -> None:
        self._hosts = {host.key: host for host in hosts}
        self._pools: dict[str, list[HostView]] = {}
        self._names: dict[str, HostView] = {}
        for host in self._hosts.values():
            for pool in dict.fromkeys(host.pools):
                self._pools.setdefault(pool, []).append(host)
            for name in (host.computer_name.lower(), *host.addresses):
                self._note(name, host)

    def __getitem__(self, key: HostKey) -> HostView:
        return self._hosts[key]

    def __iter__(self) -> Iterator[HostKey]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FleetView) and self._hosts == other._hosts

    def members(self, pool: str) -> tuple[HostView, ...]:
        """Return the hosts of a pool, in their order here."""
        return tuple(self._pools.get(pool, ()))

    def named(self, authority: str) -> HostView | None:
        """Return the host that a URI's host (lower case) means: by name, computer name or address."""
        if not self._hosts or not authority:
            return None
        return self._hosts.get(_key_of(authority)) or self._names.get(authority)

    def _note(self, name: str, host: HostView) -> None:
        """Keep who answers to a name; an address that was a lost host's is its successor's."""
        known = self._names.get(name)
        if name and (known is None or (known.loss is not None and host.loss is None)):
            self._names[name] = host


_key_of = lru_cache(4096)(host_key)
NOBODY = FleetView()


class HostReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One host as `GET /api/v1/hosts` shows it; `events` are ids, `watcher` is online or offline.

    `lost`: it is not coming back, and has not.
    """

    host: str
    condition: HostCondition
    watcher: str
    pools: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    running: int = 0
    held: int = 0
    reason: str = ""
    until: datetime | None = None
    last_seen_at: datetime | None = None
    lost: Loss | None = None
