"""The other services of this installation, as their retained status shows them."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from services.operations.doctor.findings import Notes
from shared.about import product_version
from shared.bus import Delivery
from shared.messages import HostStatus, MessageRefusedError, Presence, ReplicaStatus, decode
from shared.topics import Topics

T = TypeVar("T", bound=msgspec.Struct)
FRESH = timedelta(seconds=45)
"""A heartbeat older than this is none (docs/topics.md)."""
_MOST_NAMES = 5


def examine_services(heard: Iterable[Delivery], topics: Topics, now: datetime, notes: Notes) -> None:
    """Note which schedulers and watchers are there."""
    deliveries = [each for each in heard if each.retained and each.payload]
    schedulers = tuple(_said(deliveries, topics, ("scheduler", "status"), ReplicaStatus))
    watchers = tuple(_said(deliveries, topics, ("hosts", "status"), HostStatus))
    if schedulers:
        _judge_schedulers(schedulers, now, notes)
    else:
        notes.skip("schedulers", "no scheduler is seen: none has been here, or this identity may not see them")
    if watchers:
        _judge_watchers(watchers, now, notes)
    else:
        notes.skip("watchers", "no watcher is seen: none has been here, or this identity may not see them")


def _said(deliveries: Iterable[Delivery], topics: Topics, ends: tuple[str, str], kind: type[T]) -> Iterator[T]:
    for each in deliveries:
        levels = topics.parse(each.topic) or ()
        if len(levels) == 3 and (levels[0], levels[2]) == ends:
            try:
                yield decode(each.payload, kind)
            except MessageRefusedError:
                continue  # litter: the services count it, and so it is told elsewhere


def _judge_schedulers(statuses: Iterable[ReplicaStatus], now: datetime, notes: Notes) -> None:
    said = sorted(statuses, key=lambda status: status.replica)
    online = [status for status in said if status.state is Presence.ONLINE and now - status.at <= FRESH]
    gone = [status.replica for status in said if status not in online]
    if gone:
        why = f"{_names(gone)}: not heard of for {FRESH.seconds} s, or gone"
        notes.warn("schedulers", why, "see whether they should run; one that never comes back may be cleared")
    if online:
        notes.ok("schedulers", f"online: {_names(f'{each.replica} ({each.version})' for each in online)}")
    own = product_version()
    others = sorted({status.version for status in online} - {own})
    if others:
        what = f"schedulers run {_names(others)}, and this is {own}"
        notes.warn("versions", what, "finish the upgrade: all parts of one installation should have one version")


def _judge_watchers(statuses: Iterable[HostStatus], now: datetime, notes: Notes) -> None:
    said = sorted(statuses, key=lambda status: status.host)
    offline = [status.host for status in said if status.state is Presence.OFFLINE]
    silent = [status.host for status in said if status.state is Presence.ONLINE and now - status.at > FRESH]
    online = [status for status in said if status.host not in {*offline, *silent}]
    blind = [status.host for status in online if not status.poll_ok and status.metadata != "none"]
    notes.ok("watchers", f"{len(online)} online, {len(offline)} offline, {len(silent)} silent")
    for names, what, remedy in (
        (offline, "offline", "start leeward-vmwatch there; events of these VMs are seen by their neighbours only"),
        (silent, "silent: online by their own words and not heard for 45 s", "look at the VM, its clock and its line"),
        (blind, "without an answer of the metadata service", "run leeward doctor --as vmwatch there"),
    ):
        if names:
            notes.warn("watchers", f"{_names(names)}: {what}", remedy)


def _names(names: Iterable[str]) -> str:
    told = list(names)
    more = f" and {len(told) - _MOST_NAMES} more" if len(told) > _MOST_NAMES else ""
    return f"{', '.join(told[:_MOST_NAMES])}{more}"
