"""The desk: has responders do what an event asks of this host, and makes its approval wait until they are done.

It follows the documents that the watcher reads and the scheduler's drains, and is level-triggered: what is to be done
follows from what stands now and from the file of cases, whatever was missed. The block goes out before the snapshot
that shows the event, on the same connection, so that no scheduler can approve before the responders are done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from services.vmwatch.responder_settings import Phase
from services.vmwatch.responders.base import Errand, Reschedulable, Responder
from services.vmwatch.responders.calls import Calls
from services.vmwatch.responders.case_file import Memory
from services.vmwatch.responders.cases import (
    BEGAN_EARLY,
    DEADLINE_CAME,
    NOT_EMPTIED,
    Case,
    Stage,
    began,
    joined,
    name_of,
    taken_up,
    united,
)
from shared.bus import Delivery
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import Block, Drain, DrainState, Event, MessageRefusedError, decode, encode
from shared.retry import Backoff
from shared.topics import RESPONDERS_BLOCK, Topics, host_key

LOOK_SECONDS: Final = 0.5
DRAINS_LIMIT: Final = 1_000
"""Drains remembered: the scheduler may tell of an event before this watcher has read it."""
REASON_LIMIT: Final = 1_000
"""Characters of a block's reason."""
_log = get_logger(__name__)


class Keeper(Protocol):
    """What the desk needs of the bus."""

    def keep(self, topic: str, payload: bytes) -> None:
        """Own the retained state of a topic; what is kept first is sent first."""
        ...


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The host: its resource name, and what gives its host name once that is known."""

    host: str
    computer_name: Callable[[], str]


class _Matter:
    """A case under way: one step at a time, the next one begins when the last has ended."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.turn = asyncio.Lock()
        self.step: asyncio.Task[None] | None = None
        self.backoff = Backoff(first=5, limit=300)
        self.retry_at: float | None = None


class Desk:
    """Follows every event that hits this host from first sight until the host is back at work."""

    def __init__(
        self,
        responders: Sequence[Responder],
        place: Place,
        *,
        calls: Calls,
        memory: Memory,
        keeper: Keeper,
        topics: Topics,
        clock: Clock,
        monotonic: Callable[[], float],
        dry_run: bool = False,
    ) -> None:
        """Take up what the last life of this watcher left in the memory; nothing is done before a document comes."""
        self._responders = {each.name: each for each in responders}
        self._place = place
        self._calls = calls
        self._memory = memory
        self._keeper = keeper
        self._topics = topics
        self._clock = clock
        self._monotonic = monotonic
        self._dry_run = dry_run
        self._key = host_key(place.host)
        self._kept = {case.event.event_id: case for case in memory.load()}
        self._matters: dict[str, _Matter] = {}
        self._present: Mapping[str, Event] = {}
        self._drains: dict[str, DrainState] = {}
        self._block: bytes | None = None
        self._steps: asyncio.TaskGroup | None = None
        self._is_tidy = False

    async def run(self) -> None:
        """Work until cancelled, which also ends the calls under way; the block stays on the bus."""
        async with asyncio.TaskGroup() as self._steps:
            while True:
                self.look()
                await asyncio.sleep(LOOK_SECONDS)

    def take(self, events: Iterable[Event], *, is_whole: bool = True) -> None:
        """Hear of what was read, before anybody else does; unless that `is_whole`, what is not there may well be on."""
        host = self._place.host.lower()
        self._present = {e.event_id: e for e in events if any(name.lower() == host for name in e.resources)}
        for event in self._present.values():
            self._follow(event)
        if is_whole:
            for event_id in (*self._matters, *self._kept):
                if event_id not in self._present:
                    self._end(event_id)
            self._tidy()
        self._show_block()

    async def hear_drain(self, delivery: Delivery) -> None:
        """Hear how far the scheduler has emptied this host. Raises MessageRefusedError."""
        event_id = delivery.topic.rpartition("/")[2].upper()
        self._drains.pop(event_id, None)
        if not delivery.payload:
            return
        drain = decode(delivery.payload, Drain)
        if not drain.host or host_key(drain.host) != self._key:
            raise MessageRefusedError(f"{delivery.topic}: the payload names host {drain.host!r}")
        self._drains[event_id] = drain.state
        if len(self._drains) > DRAINS_LIMIT:
            del self._drains[next(iter(self._drains))]
        self._weigh_drain(event_id)

    def objection(self, event_id: str) -> str:
        """Return why an event must not be approved now; empty when nothing speaks against it."""
        matter = self._matters.get(event_id)
        return matter.case.reason if matter is not None and matter.case.holds_back else ""

    def look(self) -> None:
        """Do what is due by the clock: give up at deadlines, and repeat what puts the host back to work."""
        for matter in tuple(self._matters.values()):
            if matter.case.stage is Stage.PREPARING and self._is_late(matter):
                self._fail(matter, DEADLINE_CAME)
            elif matter.retry_at is not None and self._monotonic() >= matter.retry_at:
                matter.retry_at = None
                self._begin(matter, self._resume)

    def _follow(self, event: Event) -> None:
        matter, wanted = self._matters.get(event.event_id), self._concerned(event)
        if matter is None or matter.case.stage is Stage.OVER:
            kept = self._kept.pop(event.event_id, None)
            if wanted or kept is not None:
                self._open(event, wanted, kept)
        elif event.type != matter.case.event.type or set(wanted) - set(matter.case.responders):
            self._change(matter, event=event, stage=Stage.PREPARING, responders=united(matter.case, wanted), why="")
            self._begin(matter, self._prepare)
        else:
            has_begun, is_moved = began(matter.case.event, event), event.not_before != matter.case.event.not_before
            self._change(matter, event=event)
            if has_begun and matter.case.stage is Stage.PREPARING:
                self._fail(matter, BEGAN_EARLY)
            elif is_moved:
                self._tell_moved(matter)

    def _open(self, event: Event, wanted: tuple[str, ...], kept: Case | None) -> None:
        """Begin with an event, or go on where the last life of this watcher was."""
        case = Case(event=event, stage=Stage.PREPARING, responders=wanted)
        if kept is not None:
            case = taken_up(kept, event, wanted, self._clock.now())
        matter = self._matters.setdefault(event.event_id, _Matter(case))
        matter.case, matter.retry_at = case, None
        if case.stage is Stage.PREPARING:
            self._begin(matter, self._prepare)
        elif case.stage is Stage.FAILED and kept is not None and kept.stage is not Stage.FAILED:
            self._begin(matter, self._tell_failed)
        self._weigh_drain(event.event_id)

    def _end(self, event_id: str) -> None:
        """Put the host back to work: the event is gone, and how it ended makes no difference."""
        kept = self._kept.pop(event_id, None)
        matter = self._matters.get(event_id)
        if matter is None:
            if kept is None:
                return
            matter = self._matters[event_id] = _Matter(kept)
        elif matter.case.stage is Stage.OVER:
            return
        self._change(matter, stage=Stage.OVER)
        self._begin(matter, self._resume)

    def _weigh_drain(self, event_id: str) -> None:
        matter = self._matters.get(event_id)
        if matter is None:
            return
        state, stage = self._drains.get(event_id), matter.case.stage
        if state is DrainState.DRAINED and stage is Stage.READY:
            self._begin(matter, self._tell_drained)
        elif state is DrainState.OVERDUE and stage in (Stage.PREPARING, Stage.READY):
            self._fail(matter, NOT_EMPTIED)

    def _fail(self, matter: _Matter, why: str) -> None:
        """Leave the host unready: whatever is under way ends, and the block stays until the event is over."""
        _log.error("host not made ready", event_id=matter.case.event.event_id, reason=why)
        self._change(matter, stage=Stage.FAILED, why=why)
        self._begin(matter, self._tell_failed)

    def _begin(self, matter: _Matter, step: Callable[[_Matter], Awaitable[None]]) -> None:
        if self._steps is None:
            raise RuntimeError("the desk takes documents only while it runs")
        if matter.step is not None:
            matter.step.cancel()
        name = f"responders of {matter.case.event.event_id}"
        matter.step = self._steps.create_task(self._in_turn(matter, step), name=name)

    async def _in_turn(self, matter: _Matter, step: Callable[[_Matter], Awaitable[None]]) -> None:
        async with matter.turn:
            # What may have to be undone must be known to the next life of this watcher before it is done.
            await self._save()
            await step(matter)

    async def _prepare(self, matter: _Matter) -> None:
        concerned = [each for each in self._called(matter) if each.concerns(matter.case.event)]
        faults = await self._calls.make(concerned, Phase.PREPARE, self._errand(matter))
        if faults or self._is_late(matter):
            self._change(matter, stage=Stage.FAILED, why=joined(faults) or DEADLINE_CAME)
            await self._save()
            await self._tell_failed(matter)
            return
        self._change(matter, stage=Stage.READY)
        await self._save()
        if self._drains.get(matter.case.event.event_id) is DrainState.DRAINED:
            await self._tell_drained(matter)

    async def _tell_drained(self, matter: _Matter) -> None:
        self._change(matter, stage=Stage.DRAINED)
        await self._calls.make(self._called(matter), Phase.DRAINED, self._errand(matter))
        await self._save()

    async def _tell_failed(self, matter: _Matter) -> None:
        await self._calls.make(self._called(matter), Phase.FAILED, self._errand(matter), why=matter.case.why)

    async def _resume(self, matter: _Matter) -> None:
        faults = await self._calls.make(self._called(matter), Phase.RESUME, self._errand(matter))
        event_id = matter.case.event.event_id
        if faults:
            self._change(matter, responders=tuple(faults))
            matter.retry_at = self._monotonic() + matter.backoff.next()
        elif self._matters.get(event_id) is matter:
            del self._matters[event_id]
            self._drains.pop(event_id, None)
        await self._save()

    def _tell_moved(self, matter: _Matter) -> None:
        for each in self._called(matter):
            if isinstance(each, Reschedulable):
                each.reschedule(self._errand(matter))

    def _tidy(self) -> None:
        """Have undone, once in a life, what an earlier one left that the memory does not know of."""
        if self._steps is not None and not self._is_tidy:
            self._is_tidy = True
            place, standing = self._place, lambda: tuple(self._present.values())
            work = self._calls.tidy(self._responders.values(), place.host, place.computer_name(), standing)
            self._steps.create_task(work, name="responders tidy up")

    async def _save(self) -> None:
        await self._memory.save(self._cases())

    def _change(self, matter: _Matter, **news: object) -> None:
        matter.case = msgspec.structs.replace(matter.case, **news)
        self._show_block()

    def _is_late(self, matter: _Matter) -> bool:
        deadline = matter.case.event.not_before
        return deadline is not None and self._clock.now() >= deadline

    def _concerned(self, event: Event) -> tuple[str, ...]:
        return tuple(name for name, each in self._responders.items() if each.concerns(event))

    def _called(self, matter: _Matter) -> list[Responder]:
        return [each for name, each in self._responders.items() if name in matter.case.responders]

    def _errand(self, matter: _Matter) -> Errand:
        event = matter.case.event
        return Errand(
            host=self._place.host,
            computer_name=self._place.computer_name(),
            event=event,
            deadline=event.not_before,
            drain=self._drains.get(event.event_id),
            others=tuple(each for each in self._present.values() if each.event_id != event.event_id),
        )

    def _show_block(self) -> None:
        """Keep the block as it has to be, an empty one too: one that the last life left would stand for ever."""
        reasons = self._reasons()
        payload = encode(Block(reason="; ".join(reasons)[:REASON_LIMIT])) if reasons else b""
        if payload != self._block:
            self._block = payload
            self._keeper.keep(self._topics.block(self._key, RESPONDERS_BLOCK), payload)

    def _reasons(self) -> list[str]:
        if self._dry_run:
            return [f"dry run: {name_of(event)} is not approved" for event in self._present.values()]
        return [case.reason for case in self._cases() if case.holds_back]

    def _cases(self) -> list[Case]:
        """Return every case, those of the last life too that no whole document has been read for yet."""
        return [*self._kept.values(), *(matter.case for matter in self._matters.values())]
