"""What the watchers have said: their latest status, inventory and snapshot, kept as it came. No decisions."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from services.scheduler.domain.groups import Groups
from shared.messages import Block, EndedEvent, Event, EventSnapshot, HostStatus, Inventory, MetadataState, Presence
from shared.topics import HostKey, host_key

FRESH_FOR = timedelta(seconds=45)
"""A heartbeat comes every 10 s; four may be missed (DESIGN §2, neighbours)."""

LONG_SILENCE = timedelta(days=1)
"""Whoever has not been heard for so long gives way when there is no room for others."""


Beliefs = tuple[tuple[Event, frozenset[HostKey]], ...]


class Reports:
    """The bus contract's retained state as this replica has received it; every `take_` is idempotent."""

    def __init__(self, groups: Groups | None = None) -> None:
        """Start with nothing heard; `groups` is whose word for its group counts (None: everybody's)."""
        self._groups = groups or Groups()
        self.inventories: dict[HostKey, Inventory] = {}
        self.statuses: dict[HostKey, HostStatus] = {}
        self.snapshots: dict[HostKey, EventSnapshot] = {}
        self.blocks: dict[HostKey, dict[str, Block]] = {}
        self._heard_at: dict[HostKey, datetime] = {}
        self._beliefs: dict[HostKey, tuple[EventSnapshot, int, Beliefs]] = {}
        self._changes_of_groups = 0

    def take_status(self, host: HostKey, status: HostStatus, *, retained: bool, now: datetime) -> bool:
        """Keep a heartbeat or will; True when it says more than "still the same".

        A will of an earlier session never overrides a newer session's "online".
        """
        known = self.statuses.get(host)
        if status.state is Presence.OFFLINE and known is not None and known.session != status.session:
            return False
        was_online = self.is_online(host, now)
        self.statuses[host] = status
        # A retained heartbeat may be old: its own time counts, never later than now. A live one counts as heard now.
        self._heard_at[host] = min(status.at, now) if retained else now
        if known is None or (known.session, known.poll_ok) != (status.session, status.poll_ok):
            return True
        return was_online != self.is_online(host, now)

    def take_inventory(self, host: HostKey, inventory: Inventory) -> bool:
        """Keep who the host is; True when that is new."""
        known = self.inventories.get(host)
        self.inventories[host] = inventory
        self._changes_of_groups += known is None or known.group != inventory.group
        return known != inventory

    def take_snapshot(self, host: HostKey, snapshot: EventSnapshot) -> bool:
        """Keep what the watcher sees; False for a stale one (lower sequence of the same session)."""
        known = self.snapshots.get(host)
        if known is not None and known.session == snapshot.session and snapshot.sequence < known.sequence:
            return False
        self.snapshots[host] = snapshot
        return True

    def take_block(self, host: HostKey, name: str, block: Block | None) -> None:
        """Keep or clear somebody's request that approvals wait."""
        blocks = self.blocks.setdefault(host, {})
        if block is None:
            blocks.pop(name, None)
        else:
            blocks[name] = block

    def end_blocks(self, host: HostKey) -> list[str]:
        """Forget the host's blocks that have no end of their own, as an event on it is over; return their names."""
        blocks = self.blocks.get(host, {})
        ended = [name for name, block in blocks.items() if block.until is None]
        for name in ended:
            del blocks[name]
        return ended

    def forget_blocks(self) -> None:
        """Forget all blocks: one that is cleared while the broker is away is never heard of; those that stand are."""
        self.blocks.clear()

    def shift(self, by: timedelta) -> None:
        """Follow a clock that was set: nobody has been silent for longer because of it."""
        self._heard_at = {host: at + by for host, at in self._heard_at.items()}

    def heard_at(self, host: HostKey) -> datetime | None:
        """Return when the host's watcher was last heard."""
        return self._heard_at.get(host)

    def spoke_at(self, host: HostKey) -> datetime | None:
        """Return when the host's watcher surely lived; a will, however late it comes, tells of its session's begin."""
        status = self.statuses.get(host)
        if status is None:
            return None
        return status.at if status.state is Presence.OFFLINE else self._heard_at.get(host)

    def is_online(self, host: HostKey, now: datetime) -> bool:
        """Whether the watcher says that it lives and has said so lately."""
        status, heard = self.statuses.get(host), self._heard_at.get(host)
        if status is None or heard is None:
            return False
        return status.state is Presence.ONLINE and now - heard <= FRESH_FOR

    def fresh_snapshot(self, host: HostKey, now: datetime) -> EventSnapshot | None:
        """Return the watcher's snapshot if it is online and the snapshot is of its present session."""
        snapshot = self.snapshots.get(host)
        if snapshot is None or not self.is_online(host, now):
            return None
        return snapshot if snapshot.session == self.statuses[host].session else None

    def is_sure(self, host: HostKey, now: datetime) -> bool:
        """Whether what the watcher does not list is not there: it is fresh, and its last poll was answered."""
        return self.fresh_snapshot(host, now) is not None and self.statuses[host].poll_ok

    def is_outside(self, host: HostKey) -> bool:
        """Whether a watcher is on none of the VMs that it speaks for: what it does not list may well be there."""
        status = self.statuses.get(host)
        return status is not None and status.metadata == MetadataState.NONE

    def lists(self, host: HostKey, event_id: str, now: datetime) -> bool:
        """Whether the watcher is fresh and lists an event (upper-case id)."""
        snapshot = self.fresh_snapshot(host, now)
        return snapshot is not None and any(event.event_id.upper() == event_id for event in snapshot.events)

    def had_its_say(self, host: HostKey, event_id: str, now: datetime) -> bool:
        """Whether a host's own watcher lists an event (upper-case id), or is not there to be waited for."""
        return self.lists(host, event_id, now) or not self.is_online(host, now)

    def has_reported(self, host: HostKey, event_id: str) -> bool:
        """Whether a watcher lists an event (upper-case id), or did when it was last heard: it may be frozen by it."""
        snapshot = self.snapshots.get(host)
        return snapshot is not None and any(event.event_id.upper() == event_id for event in snapshot.events)

    def entitled(self, hosts: Iterable[HostKey]) -> frozenset[HostKey]:
        """Return every watcher that may speak for one of the hosts."""
        named = frozenset(hosts)
        groups = {group for host in named if (group := self.group(host))}
        return named | {reporter for reporter in self.hosts() if self.group(reporter) in groups}

    def long_silent(self, now: datetime) -> list[HostKey]:
        """Return the hosts whose watchers have not been heard for a day, or never."""
        heard = self._heard_at
        known = self.inventories.keys() | self.statuses.keys() | self.snapshots.keys() | self.blocks.keys()
        return [host for host in known if host not in heard or now - heard[host] > LONG_SILENCE]

    def forget(self, hosts: Iterable[HostKey]) -> None:
        """Forget hosts altogether, as if they had never been heard."""
        for host in hosts:
            for kept in (self.inventories, self.statuses, self.snapshots, self.blocks, self._heard_at, self._beliefs):
                kept.pop(host, None)
            self._changes_of_groups += 1

    def hosts(self) -> Iterable[HostKey]:
        """Return every host that a watcher has spoken for."""
        return self.inventories.keys() | self.statuses.keys()

    def group(self, host: HostKey) -> str:
        """Return who sees the same document; empty when unknown, or when the operator lists the group without it."""
        inventory = self.inventories.get(host)
        return inventory.group if inventory is not None and self._groups.admits(inventory.group, host) else ""

    def pools(self, host: HostKey) -> frozenset[str]:
        """Return the pools that a host stands in."""
        inventory = self.inventories.get(host)
        return frozenset(inventory.pools) if inventory is not None else frozenset()

    def may_speak_for(self, reporter: HostKey, host: HostKey) -> bool:
        """Whether a report about `host` is believed from `reporter`: its own, or one of its group (DESIGN §7)."""
        group = self.group(reporter)
        return reporter == host or (bool(group) and group == self.group(host))

    def believed(self, reporter: HostKey) -> Beliefs:
        """Return the events that a watcher lists, each with those of its hosts that it may speak for, if any.

        Found out once for each snapshot: everybody is asked at each merge.
        """
        snapshot = self.snapshots[reporter]
        found = self._beliefs.get(reporter)
        if found is not None and found[0] is snapshot and found[1] == self._changes_of_groups:
            return found[2]
        named = ((event, map(host_key, filter(None, event.resources))) for event in snapshot.events)
        hosts = ((event, frozenset(h for h in keys if self.may_speak_for(reporter, h))) for event, keys in named)
        beliefs = tuple((event, believed) for event, believed in hosts if believed)
        self._beliefs[reporter] = (snapshot, self._changes_of_groups, beliefs)
        return beliefs

    def endings(self) -> dict[str, list[tuple[HostKey, EndedEvent]]]:
        """Return who says for certain of which events (upper-case id) that they are over.

        That stays true, however long ago it was said: events never go back.
        """
        found: dict[str, list[tuple[HostKey, EndedEvent]]] = {}
        for reporter, snapshot in self.snapshots.items():
            for ended in snapshot.ended:
                found.setdefault(ended.event_id.upper(), []).append((reporter, ended))
        return found

    def standing_block(self, hosts: Iterable[HostKey], now: datetime) -> Block | None:
        """Return a block on any of the hosts that is still in force."""
        found = (block for host in hosts for block in self.blocks.get(host, {}).values())
        return next((block for block in found if block.until is None or block.until > now), None)
