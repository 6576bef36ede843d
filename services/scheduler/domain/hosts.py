"""Hosts as decisions see them: names, pools, and what threatens them now."""

from datetime import datetime
from enum import StrEnum

import msgspec

from shared.topics import HostKey


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


class Spared(StrEnum):
    """Why an event does not keep jobs off a host that it names.

    SHARE: it would take more of a pool than one event may. HOLD: it has kept them off for as long as it may.
    """

    SHARE = "share"
    HOLD = "hold"


MANUAL = "Manual"
MANUAL_EVENT_ID = "cordon"
STARTED = "Started"
SCHEDULED = "Scheduled"


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    """One host at one moment, for placement."""

    key: HostKey
    name: str
    computer_name: str = ""
    addresses: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    fault_domain: str = ""
    update_domain: str = ""
    zone: str = ""
    threats: tuple[Threat, ...] = ()

    @property
    def address(self) -> str:
        """What `{host}` stands for: the first address, else the computer name, else the resource name."""
        return self.addresses[0] if self.addresses else self.computer_name or self.name


class HostReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One host as `GET /api/v1/hosts` shows it; `events` are ids, `watcher` is online or offline."""

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
