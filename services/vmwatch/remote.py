"""A watcher without a metadata service: it tells the bus what Event Grid says of the VMs of its group.

It says that it has no metadata service (`metadata: "none"`), and never that its polls are well (`pollOk`): what Event
Grid has not told it means nothing, so that an event that it does not list is not over. What is over it says in the
snapshot's `ended`. The scheduler believes it only about hosts with the same `group` (docs/eventgrid.md).
"""

from typing import Final

from msgspec.structs import replace

from services.vmwatch.errors import MetadataOutcome, MetadataRefusedError
from services.vmwatch.eventgrid.courses import Blend
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.metrics import Metrics
from services.vmwatch.tracker import advance
from services.vmwatch.watcher import SNAPSHOT_LIMIT, Life, Outlet, farewell
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import Event, EventSnapshot, HostStatus, Inventory, MetadataState, Presence, encode
from shared.topics import Topics, host_key

LOOK_SECONDS: Final = 60.0
"""How often what is long over is looked for; news of Event Grid is looked at when it comes."""
_log = get_logger(__name__)


class NoMetadata:
    """Stands where approvals expect a metadata service: the scheduler asks no such watcher, but others might."""

    async def approve(self, event_id: str) -> int:
        """Raise MetadataRefusedError, always: another watcher of the group is asked then."""
        message = f"event {event_id}: this watcher has Event Grid alone and approves nothing"
        raise MetadataRefusedError(MetadataOutcome.NOT_ALLOWED, f"{message}; ask one on a VM of the group")


class RemoteWatcher:
    """The duties of a watcher that is on none of the VMs that it speaks for."""

    def __init__(
        self,
        life: Life,
        inventory: Inventory,
        *,
        sources: Sources,
        outlet: Outlet,
        topics: Topics,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        """Know nothing yet; what an earlier session left on the bus is forgotten, and ends nothing."""
        self._life = life
        self._inventory = inventory
        self._sources = sources
        self._outlet = outlet
        self._topics = topics
        self._metrics = metrics
        self._clock = clock
        self._key = host_key(life.host)
        now = clock.now()
        self._status = HostStatus(
            host=life.host,
            session=life.session,
            state=Presence.ONLINE,
            at=now,
            started_at=now,
            metadata=MetadataState.NONE,
            metadata_since=now,
        )
        self._snapshot: EventSnapshot | None = None

    @property
    def events(self) -> dict[str, Event]:
        """The events that are on, by upper-case id."""
        return {event.event_id: event for event in self._known}

    @property
    def _known(self) -> tuple[Event, ...]:
        return self._snapshot.events if self._snapshot is not None else ()

    def begin(self) -> None:
        """Say who and what this is, and that nothing is known yet."""
        self._outlet.keep(self._topics.inventory(self._key), encode(self._inventory))
        now = self._clock.now()
        self._metrics.show_start(now)
        self._metrics.show_state(MetadataState.NONE, now)
        self.take()

    async def beat(self) -> None:
        """Say that this watcher lives."""
        self._status = replace(self._status, at=self._clock.now())
        self._outlet.keep(self._topics.status(self._key), encode(self._status))

    async def look(self) -> None:
        """Forget what is long over."""
        self.take()

    def take(self) -> None:
        """Publish what Event Grid says, if that has changed."""
        blend, now = self._sources.look(), self._clock.now()
        step = advance(self._known, blend.events, now, blend.endings)
        for transition in step.transitions:
            _log.info("event changed", kind=transition.kind, event_id=transition.event.event_id)
        self._metrics.show_events(event.type for event in step.events)
        self._show(replace(blend, events=step.events))

    def leave(self) -> None:
        """Say that this watcher stops on purpose."""
        gone = farewell(self._topics, self._life, self._clock)
        self._outlet.keep(gone.topic, gone.payload)

    def _show(self, blend: Blend) -> None:
        last = self._snapshot
        if last is not None and (last.events, last.ended) == (blend.events, blend.ended):
            return
        snapshot = EventSnapshot(
            host=self._life.host,
            session=self._life.session,
            sequence=last.sequence + 1 if last is not None else 1,
            incarnation=None,
            observed_at=self._clock.now(),
            events=blend.events,
            ended=blend.ended,
        )
        payload = encode(snapshot)
        if len(payload) > SNAPSHOT_LIMIT:
            _log.error("too many events for one message, the last state stands", events=len(blend.events))
            return
        self._outlet.keep(self._topics.events(self._key), payload)
        self._snapshot = snapshot
