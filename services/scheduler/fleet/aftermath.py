"""What events leave behind: hosts that are gone for good, and hosts that have only just come back.

Preempt and Terminate take a machine away, but not always: Azure may deallocate it and start it again later, a scale set
makes a new one of the same name, and some are spared. The host's own watcher tells: once the event is over, it is a new
one (another session, or another VM), or the old one still speaks, or nobody does.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum, auto

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.executions import RETENTION_AGE
from services.scheduler.domain.hosts import STARTED, Loss, Threat
from services.scheduler.domain.rehearsals import is_rehearsal
from services.scheduler.fleet.reports import Reports
from services.scheduler.store.base import Store
from services.scheduler.store.records import EventOutcome, EventRecord
from shared.messages import HostStatus, Inventory
from shared.topics import HostKey

TAKING = frozenset({"preempt", "terminate"})
SURVIVED = timedelta(seconds=5)
"""A watcher that speaks so long after its host was to be gone has survived, as things stand."""
SURVIVED_FOR_SURE = timedelta(minutes=5)
"""One that still speaks so long after is no machine on its way down."""
_BROUGHT_ABOUT = frozenset({EventOutcome.COMPLETED, EventOutcome.EXPIRED})


class Fate(Enum):
    """What has become of a host whose event takes machines away, and is over.

    OPEN: nobody can know yet. LOST: its watcher is silent. SPEAKING: its old watcher still speaks. BACK: it is there.
    """

    OPEN = auto()
    LOST = auto()
    SPEAKING = auto()
    BACK = auto()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A host that an event was to take away; session and VM are those at its end, empty when not known."""

    host: HostKey
    loss: Loss
    session: str = ""
    vm_id: str = ""


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of events at one moment, by host; `unsure` keeps jobs off until a host's fate is known."""

    losses: Mapping[HostKey, Loss] = {}
    unsure: Mapping[HostKey, Threat] = {}
    back_at: Mapping[HostKey, datetime] = {}


def fate(taken: Taken, reports: Reports, now: datetime) -> Fate:
    """Return what has become of a host, by what its watcher said last."""
    said, over = reports.spoke_at(taken.host), taken.loss.at
    if said is None or said <= over:
        return Fate.OPEN if reports.is_online(taken.host, now) else Fate.LOST
    if _is_another(taken, reports) and reports.is_online(taken.host, now):
        # A new watcher says first that it lives, and then what it sees: another event, or the same, may stand.
        return Fate.BACK if reports.fresh_snapshot(taken.host, now) is not None else Fate.OPEN
    if said > over + SURVIVED_FOR_SURE or _is_another(taken, reports):
        return Fate.BACK
    if not reports.is_online(taken.host, now):
        return Fate.LOST
    return Fate.SPEAKING if said > over + SURVIVED else Fate.OPEN


def _is_another(taken: Taken, reports: Reports) -> bool:
    """Whether another watcher speaks for the host than at the event's end, or one on another VM."""
    status, inventory = reports.statuses.get(taken.host), reports.inventories.get(taken.host)
    session = status.session if status is not None else ""
    vm_id = inventory.vm_id if inventory is not None else ""
    return bool(taken.session and session != taken.session) or bool(taken.vm_id and vm_id not in ("", taken.vm_id))


class Aftermath:
    """Remembers the events that are over for as long as they matter."""

    def __init__(self, warm_up: timedelta, was_minded: Callable[[EventRecord], bool]) -> None:
        """`warm_up` is how long a host counts as just come back; `was_minded`: an event kept jobs off its hosts."""
        self._warm_up = warm_up
        self._was_minded = was_minded
        self._taken: dict[tuple[str, HostKey], Taken] = {}
        self._records: dict[str, EventRecord] = {}
        self._silent: dict[tuple[str, HostKey], tuple[HostStatus | None, Inventory | None]] = {}
        self._returned: set[str] = set()
        self._back_at: dict[HostKey, datetime] = {}

    def recall(self, records: Iterable[EventRecord], now: datetime) -> None:
        """Take in what the store has of events that are over."""
        for record in records:
            if record.ended_at is not None and now - record.ended_at < RETENTION_AGE:
                self._keep(record, _NOTHING_HEARD)

    def note(self, record: EventRecord, reports: Reports) -> None:
        """Take in that an event is over, or is on (again), which leaves nothing behind yet."""
        if record.ended_at is not None:
            self._keep(record, reports)
        elif self._records.pop(record.event_id, None) is not None:
            self._returned.discard(record.event_id)
            self._taken = {key: taken for key, taken in self._taken.items() if key[0] != record.event_id}
            self._silent = {key: said for key, said in self._silent.items() if key in self._taken}

    def released(self, host: HostKey, at: datetime) -> None:
        """Take in that an operator's cordon was lifted, or its time was up."""
        self._back_at[host] = max(at, self._back_at.get(host, at))

    def look(self, reports: Reports, now: datetime) -> Traces:
        """Return what is left of events, and forget what does not matter any more."""
        losses: dict[HostKey, Loss] = {}
        unsure: dict[HostKey, Threat] = {}
        for (event_id, host), taken in list(self._taken.items()):
            match self._fate(event_id, taken, reports, now):
                case Fate.LOST:
                    losses[host] = max(losses.get(host, taken.loss), taken.loss, key=lambda loss: loss.at)
                case Fate.OPEN:
                    unsure[host] = _until_known(taken)
                case Fate.BACK:
                    at = reports.spoke_at(host) or now
                    self._return(event_id, host, at)
                    if _is_another(taken, reports):
                        self.released(host, at)
            if now - taken.loss.at >= RETENTION_AGE:
                self._taken.pop((event_id, host), None)
                self._silent.pop((event_id, host), None)
                self._tidy(event_id)
        self._back_at = {host: at for host, at in self._back_at.items() if now - at < self._warm_up}
        return Traces(losses=losses, unsure=unsure, back_at=self._back_at)

    async def save(self, store: Store) -> None:
        """Write down which hosts have come back, for other lives; what fails is left to the next call."""
        for event_id in sorted(self._returned):
            if (record := self._records.get(event_id)) is not None:
                await store.put_event(record)
            self._returned.discard(event_id)
            self._tidy(event_id)

    def _fate(self, event_id: str, taken: Taken, reports: Reports, now: datetime) -> Fate:
        """Return a host's fate; whoever is lost stays so until something new is said: there may be very many."""
        key, said = (event_id, taken.host), (reports.statuses.get(taken.host), reports.inventories.get(taken.host))
        known = self._silent.get(key)
        if known is not None and known[0] is said[0] and known[1] is said[1]:
            return Fate.LOST
        found = fate(taken, reports, now)
        if found is Fate.LOST:
            self._silent[key] = said
        else:
            self._silent.pop(key, None)
        return found

    def _keep(self, record: EventRecord, reports: Reports) -> None:
        if record.outcome not in _BROUGHT_ABOUT or record.ended_at is None or not self._was_minded(record):
            return
        for name, drain in record.hosts.items():
            host = HostKey(name)
            if drain.spared is None:
                self.released(host, record.ended_at)
            takes = record.type.casefold() in TAKING and not is_rehearsal(record.event_id)
            if drain.spared is None and takes and drain.returned_at is None:
                self._take(record, host, record.ended_at, reports)

    def _take(self, record: EventRecord, host: HostKey, at: datetime, reports: Reports) -> None:
        self._records[record.event_id] = record
        status, inventory = reports.statuses.get(host), reports.inventories.get(host)
        self._taken[record.event_id, host] = Taken(
            host=host,
            loss=Loss(
                event_id=record.event_id,
                type=record.type,
                source=record.source,
                duration_seconds=record.duration_seconds,
                at=at,
            ),
            session=status.session if status is not None else "",
            vm_id=inventory.vm_id if inventory is not None else "",
        )

    def _return(self, event_id: str, host: HostKey, at: datetime) -> None:
        """A host is there again and not looked for any more, in no life."""
        del self._taken[event_id, host]
        record = self._records[event_id]
        drain = replace(record.hosts[host], returned_at=at)
        self._records[event_id] = replace(record, hosts={**record.hosts, host: drain})
        self._returned.add(event_id)

    def _tidy(self, event_id: str) -> None:
        """Forget the record of an event of which no host is looked for, or to be written down, any more."""
        if event_id not in self._returned and not any(taken_by == event_id for taken_by, _ in self._taken):
            self._records.pop(event_id, None)


_NOTHING_HEARD = Reports()


def _until_known(taken: Taken) -> Threat:
    """Return what keeps jobs off a host of which nobody knows yet whether it is still there."""
    loss = taken.loss
    return Threat(
        event_id=loss.event_id,
        type=loss.type,
        status=STARTED,
        not_before=None,
        duration_seconds=loss.duration_seconds,
        source=loss.source,
        resources=frozenset({taken.host}),
        reason=f"its {loss.type} is over, and its watcher has not been heard since",
    )
