"""Watches one VM's metadata service and tells the bus: status, snapshot, inventory and notices.

State is level-triggered: the retained snapshot is everything this watcher sees. An error never changes it; it only
makes `pollOk` false. Notices are sent for this watcher's own host alone, so that neighbours, who see the same document,
do not multiply them; the end of an event that its host does not survive is therefore shown by the neighbours'
snapshots, not by a notice. After a restart what is on is announced again, under the same notice ids.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import msgspec

from services.vmwatch.documents import Document
from services.vmwatch.errors import MetadataError, MetadataOutcome, MetadataUnavailableError
from services.vmwatch.eventgrid.courses import Blend
from services.vmwatch.identity import Identity
from services.vmwatch.metrics import Approver, Metrics
from services.vmwatch.notices import concerns, to_publication
from services.vmwatch.pauses import Pauses
from services.vmwatch.pulse import Pulse
from services.vmwatch.tracker import Transition, advance, started_early
from shared.bus import Publication
from shared.clock import Clock
from shared.logs import Details, get_logger
from shared.messages import EndedEvent, Event, EventSnapshot, HostStatus, Inventory, Presence, encode
from shared.topics import Topics, host_key

HEARTBEAT_SECONDS: Final = 10.0
SNAPSHOT_LIMIT: Final = 256 * 1024
"""Bytes: the bus takes no more in one message."""
_log = get_logger(__name__)
_details = Details(__name__)


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


class Second(Protocol):
    """What the watcher needs of a second source of events, merged with the metadata service."""

    def read(self, events: tuple[Event, ...]) -> Blend:
        """Take in a good answer of the metadata service; return what both sources come to."""
        ...

    def look(self) -> Blend:
        """Return what both sources come to now."""
        ...


class Hear(Protocol):
    """Is told what both sources come to, before it is published."""

    def __call__(self, events: Iterable[Event], *, is_whole: bool) -> None:
        """Take the events in; unless that `is_whole`, the metadata service has not answered yet in this life."""
        ...


def _ignore(events: Iterable[Event], *, is_whole: bool) -> None:
    """Nobody listens."""


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
        has_approved: Callable[[str], bool] = lambda event_id: False,
        hear: Hear = _ignore,
        second: Second | None = None,
    ) -> None:
        """Know nothing yet; what an earlier session left on the bus stands until the first good answer.

        `has_approved` says whether this watcher has let an event start; `hear` is told of what was read, before it is
        published. `second` is a further source of events.
        """
        self._life = life
        self._source = source
        self._outlet = outlet
        self._topics = topics
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._has_approved = has_approved
        self._hear = hear
        self._second = second
        self._incarnation: int | None = None
        self._listed: frozenset[str] = frozenset()
        self._key = host_key(life.host)
        status = HostStatus(host=life.host, session=life.session, state=Presence.ONLINE, at=clock.now())
        self._pulse = Pulse(status, keep=partial(outlet.keep, topics.status(self._key)), metrics=metrics)
        self._snapshot: EventSnapshot | None = None
        self._inventory: Inventory | None = None
        self._doubts: tuple[str, ...] = ()
        self._resume_at = monotonic()
        self._pauses = Pauses()

    @property
    def events(self) -> Mapping[str, Event]:
        """The events of the metadata service's last good answer, by upper-case id, as they stand now."""
        return {event.event_id: event for event in self._known if event.event_id in self._listed}

    @property
    def trouble(self) -> str:
        """Why events cannot be read, since when, and what to do; empty when all is well."""
        return self._pulse.trouble

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

    def look(self) -> None:
        """Take in what the second source has said since, which needs no answer of the metadata service."""
        if self._second is None:
            return
        try:
            self._follow(self._second.look(), self._clock.now())
        except MetadataError as fault:
            _log.error("events of the second source not published", reason=str(fault))

    async def beat(self) -> None:
        """Say that this watcher lives and how it fares."""
        self._pulse.beat(self._clock.now())

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
        _details("document read", incarnation=document.incarnation, events=list(document.spellings))
        self._incarnation = document.incarnation
        self._listed = frozenset(event.event_id for event in document.events)
        self._follow(Blend(events=document.events) if self._second is None else self._second.read(document.events), now)
        self._doubt(document.doubts)
        self._metrics.show_success(now)
        self._pauses.clear()
        self._pulse.answered(document, now)

    def _follow(self, blend: Blend, now: datetime) -> None:
        step = advance(self._known, blend.events, now, blend.endings)
        self._hear(step.events, is_whole=self._incarnation is not None)
        self._show(step.events, blend.ended)
        self._metrics.show_events(event.type for event in step.events)
        for transition in step.transitions:
            self._announce(transition)

    def _show(self, events: tuple[Event, ...], ended: tuple[EndedEvent, ...]) -> None:
        """Publish the snapshot when it differs from the last one. Raises MetadataError when the bus cannot take it."""
        last = self._snapshot
        if last and (last.incarnation, last.events, last.ended) == (self._incarnation, events, ended):
            return
        snapshot = EventSnapshot(
            host=self._life.host,
            session=self._life.session,
            sequence=last.sequence + 1 if last else 1,
            incarnation=self._incarnation,
            observed_at=self._clock.now(),
            events=events,
            ended=ended,
        )
        payload = encode(snapshot)
        if len(payload) > SNAPSHOT_LIMIT:
            message = f"the snapshot of {len(events)} events takes {len(payload)} bytes, above {SNAPSHOT_LIMIT}"
            raise MetadataUnavailableError(MetadataOutcome.TOO_BIG, message)
        _details("snapshot told", sequence=snapshot.sequence, events=[event.event_id for event in events])
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
            now = self._clock.now()
            if self._outlet.offer(to_publication(self._topics, self._life.host, transition, now)):
                self._metrics.count_notice(transition.kind)
            if started_early(transition, now):
                self._note_approval(event)

    def _note_approval(self, event: Event) -> None:
        """Azure itself waits until NotBefore. A neighbour on the scheduler's command is somebody else, too."""
        approver = Approver.HERE if self._has_approved(event.event_id) else Approver.ELSEWHERE
        self._metrics.count_early_start(approver)
        _log.info("event started before NotBefore", event_id=event.event_id, approved=approver)

    def _doubt(self, doubts: tuple[str, ...]) -> None:
        if doubts and doubts != self._doubts:
            _log.warning("document partly unreadable", doubts=doubts)
        self._doubts = doubts

    def _fail(self, fault: MetadataError) -> None:
        self._resume_at = self._monotonic() + self._pauses.after(fault)
        self._pulse.failed(fault, self._clock.now())
