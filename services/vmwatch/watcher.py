"""Watches one VM's metadata service and tells the bus: status, snapshot, inventory and notices.

State is level-triggered: the retained snapshot is everything this watcher sees. An error never changes it; it only
makes `pollOk` false. Notices are sent for this watcher's own host alone, so that neighbours, who see the same document,
do not multiply them; the end of an event that its host does not survive is therefore shown by the neighbours'
snapshots, not by a notice. After a restart what is on is announced again, under the same notice ids.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import msgspec

from services.vmwatch.documents import Document
from services.vmwatch.errors import MetadataError, MetadataOutcome, MetadataRefusedError, MetadataUnavailableError
from services.vmwatch.identity import Identity
from services.vmwatch.metrics import Metrics
from services.vmwatch.notices import concerns, to_publication
from services.vmwatch.tracker import Advance, Transition, advance
from shared.bus import Publication
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import Event, EventSnapshot, HostStatus, Inventory, Presence, encode
from shared.retry import Backoff
from shared.topics import Topics, host_key

HEARTBEAT_SECONDS: Final = 10.0
SNAPSHOT_LIMIT: Final = 256 * 1024
"""Bytes: the bus takes no more in one message."""
_PAUSES: Final[Mapping[MetadataOutcome, tuple[float, float]]] = MappingProxyType(
    {
        MetadataOutcome.GONE: (1.0, 10.0),
        MetadataOutcome.THROTTLED: (2.0, 10.0),
        MetadataOutcome.BAD_REQUEST: (5.0, 60.0),
        MetadataOutcome.NOT_ALLOWED: (5.0, 60.0),
    }
)
"""First and longest pause after a failure (reference §1.9): a 410 lasts 70 s at most, a 400 until it is mended."""
_USUAL_PAUSE: Final = (1.0, 5.0)
"""A Preempt leaves 30 s: no passing fault may hide it for longer than this."""
_log = get_logger(__name__)


class Outlet(Protocol):
    """What the watcher needs of the bus."""

    def keep(self, topic: str, payload: bytes) -> None:
        """Own the retained state of a topic."""
        ...

    def offer(self, publication: Publication) -> bool:
        """Publish when possible."""
        ...


class Source(Protocol):
    """What the watcher needs of the metadata service."""

    async def read_events(self) -> Document:
        """Return the present document; raises MetadataError."""
        ...


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """One life of one watcher: the VM's resource name and a session id of its own."""

    host: str
    session: str


def farewell(topics: Topics, life: Life, clock: Clock) -> Publication:
    """Return the status that says "offline": the will, which carries the session that it ends."""
    status = HostStatus(host=life.host, session=life.session, state=Presence.OFFLINE, at=clock.now())
    return Publication(topic=topics.status(host_key(life.host)), payload=encode(status), retain=True)


class Watcher:
    """The duties of one watcher; `app` calls them at their times."""

    def __init__(
        self,
        life: Life,
        *,
        source: Source,
        outlet: Outlet,
        topics: Topics,
        metrics: Metrics,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        """Know nothing yet; what an earlier session left on the bus stands until the first good answer."""
        self.trouble = "scheduled events have not been read yet"
        self._life = life
        self._source = source
        self._outlet = outlet
        self._topics = topics
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._key = host_key(life.host)
        self._status = HostStatus(host=life.host, session=life.session, state=Presence.ONLINE, at=clock.now())
        self._snapshot: EventSnapshot | None = None
        self._inventory: Inventory | None = None
        self._doubts: tuple[str, ...] = ()
        self._resume_at = monotonic()
        self._pauses: dict[MetadataOutcome, Backoff] = {}

    @property
    def events(self) -> Mapping[str, Event]:
        """The events of the last good answer, by upper-case id."""
        return {event.event_id: event for event in self._known}

    @property
    def _known(self) -> tuple[Event, ...]:
        return self._snapshot.events if self._snapshot else ()

    async def poll(self) -> None:
        """Ask for events and tell what changed; after a failure only once its pause is over."""
        if self._monotonic() < self._resume_at:
            return
        try:
            self._take(await self._source.read_events())
        except MetadataError as fault:
            self._fail(fault)

    async def beat(self) -> None:
        """Say that this watcher lives and how it fares."""
        self._status = msgspec.structs.replace(self._status, at=self._clock.now())
        self._outlet.keep(self._topics.status(self._key), encode(self._status))

    async def tell_inventory(self, identity: Identity) -> None:
        """Publish who this host is, when that is known and has changed."""
        inventory = await identity.refresh()
        if inventory is not None and inventory != self._inventory:
            self._inventory = inventory
            self._outlet.keep(self._topics.inventory(self._key), encode(inventory))

    def leave(self) -> None:
        """Say that this watcher stops on purpose."""
        gone = farewell(self._topics, self._life, self._clock)
        self._outlet.keep(gone.topic, gone.payload)

    def _take(self, document: Document) -> None:
        now = self._clock.now()
        step = advance(self._known, document.events, now)
        self._show(document, step)
        self._doubt(document.doubts)
        self._metrics.show_success(now)
        self._metrics.show_events(event.type for event in step.events)
        for transition in step.transitions:
            self._announce(transition)
        self._pauses.clear()
        recovered = not self._status.poll_ok
        self._status = msgspec.structs.replace(self._status, at=now, poll_ok=True, last_poll_at=now)
        self.trouble = ""
        if recovered:
            _log.info("scheduled events read", host=self._life.host, events=len(step.events))
            self._outlet.keep(self._topics.status(self._key), encode(self._status))

    def _show(self, document: Document, step: Advance) -> None:
        """Publish the snapshot when it differs from the last one. Raises MetadataError when the bus cannot take it."""
        last = self._snapshot
        if last and (last.incarnation, last.events) == (document.incarnation, step.events):
            return
        snapshot = EventSnapshot(
            host=self._life.host,
            session=self._life.session,
            sequence=last.sequence + 1 if last else 1,
            incarnation=document.incarnation,
            observed_at=self._clock.now(),
            events=step.events,
        )
        payload = encode(snapshot)
        if len(payload) > SNAPSHOT_LIMIT:
            message = f"the snapshot of {len(step.events)} events takes {len(payload)} bytes, above {SNAPSHOT_LIMIT}"
            raise MetadataUnavailableError(MetadataOutcome.TOO_BIG, message)
        self._outlet.keep(self._topics.events(self._key), payload)
        self._snapshot = snapshot

    def _announce(self, transition: Transition) -> None:
        event = transition.event
        _log.info(
            "event changed",
            kind=transition.kind,
            event_id=event.event_id,
            type=event.type,
            status=event.status,
            resources=event.resources,
            not_before=str(event.not_before or ""),
        )
        if concerns(transition, self._life.host):
            notice = to_publication(self._topics, self._life.host, transition, self._clock.now())
            if self._outlet.offer(notice):
                self._metrics.count_notice(transition.kind)

    def _doubt(self, doubts: tuple[str, ...]) -> None:
        if doubts and doubts != self._doubts:
            _log.warning("document partly unreadable", doubts=doubts)
        self._doubts = doubts

    def _fail(self, fault: MetadataError) -> None:
        first, limit = _PAUSES.get(fault.outcome, _USUAL_PAUSE)
        pause = self._pauses.setdefault(fault.outcome, Backoff(first=first, limit=limit))
        self._resume_at = self._monotonic() + pause.next()
        was_ok, trouble = self._status.poll_ok, str(fault)
        if trouble != self.trouble:
            level = _log.error if isinstance(fault, MetadataRefusedError) else _log.warning
            level("scheduled events not read, the last state stands", outcome=fault.outcome, reason=trouble)
        self.trouble = trouble
        self._status = msgspec.structs.replace(self._status, at=self._clock.now(), poll_ok=False)
        if was_ok:
            self._outlet.keep(self._topics.status(self._key), encode(self._status))
