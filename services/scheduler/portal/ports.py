"""What the pages show of the process that serves them; `app` hands it over."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from services.scheduler.domain.executions import Occurrence
from services.scheduler.health.figures import Figures
from services.scheduler.health.watch import Concern
from shared.messages import Block, HostStatus, Inventory, ReplicaStatus
from shared.topics import HostKey


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard of a host: its watcher's last words, and the requests to wait that stand, by name."""

    inventory: Inventory | None = None
    status: HostStatus | None = None
    heard_at: datetime | None = None
    blocks: Mapping[str, Block] = {}


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that runs now, and for how long it has."""

    occurrence: Occurrence
    elapsed: timedelta


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How the connection to the broker stands, since when, and what is wrong with it (by what it concerns).

    `broker` is the address, without user and password.
    """

    broker: str
    is_connected: bool
    since: datetime | None = None
    problems: Mapping[str, str] = {}


class SettingShown(msgspec.Struct, frozen=True, kw_only=True):
    """A setting in effect: its value without secrets, and what set it (a variable, a flag; empty: the default)."""

    name: str
    value: str
    source: str
    purpose: str


class KeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A key that seals secrets, by its id alone."""

    id: str
    seals_from: datetime | None
    is_sealing: bool


class Replica(Protocol):
    """The scheduler that serves the pages, as it sees itself."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def session(self) -> str:
        """Its present life, as the store names it; empty without one."""
        ...

    @property
    def started_at(self) -> datetime:
        """When this process began."""
        ...

    @property
    def figures(self) -> Figures:
        """What its metrics say."""
        ...

    @property
    def line(self) -> Line:
        """Its connection to the broker."""
        ...

    def watched(self, host: HostKey) -> Watched:
        """Return what was heard of a host; nothing of one that was never heard."""
        ...

    def working_on(self, host: HostKey) -> Sequence[Working]:
        """Return what runs on a host now, in this process alone."""
        ...

    def heard(self) -> Sequence[ReplicaStatus]:
        """Return what each scheduler has said of itself on the bus, by name."""
        ...

    def concerns(self) -> Sequence[Concern]:
        """Return what is to be looked at, or may come to that."""
        ...

    def settings(self) -> Sequence[SettingShown]:
        """Return the settings in effect."""
        ...

    def keys(self) -> Sequence[KeyShown]:
        """Return the keys that seal secrets."""
        ...
