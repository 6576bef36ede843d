"""Approvals: once an event's hosts are drained, one replica asks one watcher to let Azure go ahead."""

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol

from services.scheduler.domain.hosts import SCHEDULED, STARTED
from services.scheduler.domain.rehearsals import is_rehearsal
from services.scheduler.duty import Duty
from services.scheduler.errors import NotFoundError, StoreUnavailableError
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Approve
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    EventRecord,
)
from shared.bus import BusUnavailableError, ReplyTimeoutError
from shared.clock import Clock
from shared.logs import Details, get_logger
from shared.messages import OBJECTED, ApproveCommand, ApproveReply, DrainState, MessageRefusedError, decode, encode
from shared.topics import HostKey, Topics, host_key

log = get_logger(__name__)
details = Details(__name__)

PATIENCE_SECONDS = 5.0
"""How long one watcher may take to answer before the next is asked (DESIGN §4)."""
TURN = timedelta(seconds=30)
"""How long the replica that won the right to approve keeps it."""
AGAIN = timedelta(seconds=5)
"""When an event that is still scheduled is asked for again."""
WITNESSES = 5
"""How many watchers are asked in one turn: all of them have answered, or not, before the turn ends."""
TICK_SECONDS = 1.0
REASON = "every job that ran there is finished, moved or held"
USER = "User"
TERMINATE = "terminate"
EARLY = timedelta(seconds=2)
"""A start at least this long before NotBefore was somebody's approval; Azure itself waits for NotBefore."""


def allowed(event: EventRecord, setting: Approve) -> bool:
    """Whether the operator lets Leeward approve this event; never a rehearsal, of which Azure knows nothing."""
    if is_rehearsal(event.event_id):
        return False
    return setting is Approve.ALL or (setting is Approve.USER and event.source == USER)


def due(event: EventRecord, setting: Approve) -> bool:
    """Whether an event waits for our approval now: allowed, not given yet, every host drained in time.

    Never one that does not keep jobs off all its hosts, because it would take too much or has taken too long.
    """
    if event.status != SCHEDULED or not event.hosts or not allowed(event, setting):
        return False
    if event.approval.state not in (ApprovalState.NONE, ApprovalState.ASKED):
        return False
    return all(host.drain == DrainState.DRAINED and host.spared is None for host in event.hosts.values())


def approved_by_others(before: datetime | None, event: EventRecord, now: datetime) -> bool:
    """Whether an event started early though we did not ask for it."""
    return (
        event.status == STARTED
        and not is_rehearsal(event.event_id)
        and event.approval.state is ApprovalState.NONE
        and before is not None
        and now < before - EARLY
    )


class Courier(Protocol):
    """The part of the bus that approvals need."""

    async def request(self, topic: str, payload: bytes, *, answerer: str, timeout: float) -> bytes:
        """Ask and return the answer of `answerer` alone. Raises BusUnavailableError, ReplyTimeoutError."""
        ...

    async def settled(self, timeout: float) -> bool:
        """Whether all retained state has been heard on this connection, waiting at most `timeout` seconds."""
        ...

    def clear(self, topic: str) -> None:
        """Have a topic's retained state forgotten."""
        ...


class Approvals:
    """Asks for approvals that are due; the store decides which replica does (never two at a time)."""

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        bus: Courier,
        topics: Topics,
        clock: Clock,
        *,
        setting: Approve,
        replica: str,
        metrics: Metrics,
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._bus = bus
        self._topics = topics
        self._clock = clock
        self._setting = setting
        self._replica = replica
        self._metrics = metrics
        self._ask_again: dict[str, datetime] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._duty = Duty("approvals", self.look, metrics)
        fleet.on_change(self._duty.wake)

    async def run(self) -> None:
        """Follow every live event until cancelled; woken by each change, at least every second."""
        try:
            await self._duty.run()
        finally:
            for asking in self._asking.values():
                asking.cancel()
            await self.answered()

    async def answered(self) -> None:
        """Wait until nothing is asked any more."""
        if self._asking:
            await asyncio.wait(self._asking.values())

    async def look(self) -> float:
        """Look at every live event once; return when to look again.

        Nothing is asked before the retained state of this connection has come: somebody may block the approval.
        """
        if await self._bus.settled(TICK_SECONDS):
            now = self._clock.now()
            self._ask_again = {event_id: at for event_id, at in self._ask_again.items() if at > now}
            for known in self._fleet.active_events():
                await self._follow(known.record)
        waiting = sum(due(known.record, self._setting) for known in self._fleet.active_events())
        self._metrics.approvals_waiting.set(waiting)
        return TICK_SECONDS

    def end_blocks(self, event: EventRecord) -> None:
        """Take down the blocks without an end of their own on hosts that no other event hits (DESIGN §5).

        Rehearsals do not count: a block is about what may be approved.
        """
        if is_rehearsal(event.event_id):
            return
        real = (known.record for known in self._fleet.active_events() if not is_rehearsal(known.record.event_id))
        still_hit = {host for each in real for host in each.hosts}
        for host in event.hosts.keys() - still_hit:
            for name in self._fleet.heard.end_blocks(HostKey(host)):
                self._bus.clear(self._topics.block(HostKey(host), name))

    async def _follow(self, event: EventRecord) -> None:
        """Ask for the approval of an event if it is due; note one that somebody else gave."""
        now = self._clock.now()
        if approved_by_others(event.not_before, event, now):
            await self._note_others(event)
        elif self._is_due(event.event_id) and await self._win(event.event_id, now):
            self._begin_asking(event.event_id)

    async def _win(self, event_id: str, now: datetime) -> bool:
        """Whether it is this replica that asks, and now."""
        if event_id in self._asking or event_id in self._ask_again:
            return False
        won = await self._store.take_approval(event_id, self._replica, now, TURN)
        details("approval due", event_id=event_id, ours=won)
        if won:
            self._ask_again[event_id] = now + AGAIN
        return won

    def _is_due(self, event_id: str) -> bool:
        """Whether an event waits for our approval at this moment and nobody blocks it.

        A neighbour may have seen it first: the host's own watcher has its say, too, and its block before its snapshot.
        """
        known, heard, now = self._fleet.active(event_id), self._fleet.heard, self._clock.now()
        if known is None or not due(known.record, self._setting):
            return False
        hosts = [HostKey(host) for host in known.record.hosts]
        block = heard.standing_block(hosts, now)
        silent = [host for host in hosts if not heard.had_its_say(host, event_id, now)]
        if block is not None or silent:
            details("approval waits", event_id=event_id, block=block and block.reason, hosts_unheard=silent)
        return block is None and not silent

    async def _note_others(self, event: EventRecord) -> None:
        """Note an approval that was not this replica's: another's, if the store knows of one, else somebody else's."""
        stored = await self._stored(event.event_id)
        if stored.state is ApprovalState.NONE:
            await self._note(
                event.event_id, ApprovalState.FOREIGN, "someone else", "started before NotBefore, not by us"
            )
            self._metrics.approvals.labels("foreign").inc()
        else:
            self._fleet.learn(event.event_id, approval=stored)

    async def _stored(self, event_id: str) -> Approval:
        try:
            return (await self._store.get_event(event_id)).approval
        except NotFoundError:
            return Approval()

    def _begin_asking(self, event_id: str) -> None:
        """Ask in a task of its own: a watcher that does not answer must not keep other events waiting."""
        asking = asyncio.create_task(self._ask_watchers(event_id), name=f"approve {event_id}")
        self._asking[event_id] = asking
        asking.add_done_callback(lambda task: self._asked(event_id, task))

    def _asked(self, event_id: str, task: asyncio.Task[None]) -> None:
        del self._asking[event_id]
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._metrics.duty_failures.labels("approvals").inc()
            log.error("approval failed, it is asked for again", event_id=event_id, exc_info=fault)

    async def _ask_watchers(self, event_id: str) -> None:
        try:
            await self._note(event_id, ApprovalState.ASKED, self._replica, REASON)
            for watcher in self._witnesses(event_id):
                # What was decided may have changed while the last one was asked: the event, its drains, a block.
                if not self._is_due(event_id) or await self._ask(watcher, event_id):
                    return
        except StoreUnavailableError as fault:
            log.warning("approval waits for the store", event_id=event_id, error=str(fault))

    def _witnesses(self, event_id: str) -> list[HostKey]:
        """Return a few online watchers that list the event: those it hits first, they are sure to be concerned.

        Of a Terminate only those: each VM approves its own end (reference §1.10). None outside of the VMs: they cannot.
        """
        known, heard, now = self._fleet.active(event_id), self._fleet.heard, self._clock.now()
        if known is None:
            return []
        hit = {host_key(name) for name in known.record.resources}
        asked = known.reporters & hit if known.record.type.casefold() == TERMINATE else known.reporters
        online = (host for host in asked if heard.lists(host, event_id, now) and not heard.is_outside(host))
        return sorted(online, key=lambda host: (host not in hit, host))[:WITNESSES]

    async def _ask(self, watcher: HostKey, event_id: str) -> bool:
        """Ask one watcher; True when there is nobody else to ask: Azure was told and agreed, or its host objects."""
        reply = await self._reply(watcher, event_id)
        if reply is None:
            self._metrics.approvals.labels("unanswered").inc()
            return False
        if reply.error is None and reply.status == HTTPStatus.OK:
            self._metrics.approvals.labels("approved").inc()
            await self._note(event_id, ApprovalState.APPROVED, f"{self._replica} via {watcher}", REASON)
            return True
        objected = reply.status == OBJECTED
        self._metrics.approvals.labels("objected" if objected else "refused").inc()
        log.warning("approval refused", event_id=event_id, watcher=watcher, status=reply.status, error=reply.error)
        return objected

    async def _reply(self, watcher: HostKey, event_id: str) -> ApproveReply | None:
        command = ApproveCommand(event_id=event_id, reason=REASON, decided_by=self._replica)
        try:
            answer = await self._bus.request(
                self._topics.approve(watcher), encode(command), answerer=watcher, timeout=PATIENCE_SECONDS
            )
            return _about(event_id, decode(answer, ApproveReply))
        except (BusUnavailableError, ReplyTimeoutError, MessageRefusedError) as fault:
            log.warning("approval unanswered", event_id=event_id, watcher=watcher, error=str(fault))
            return None

    async def _note(self, event_id: str, state: ApprovalState, by: str, reason: str) -> None:
        approval = Approval(state=state, at=self._clock.now(), by=by, reason=reason)
        await self._store.record_approval(event_id, approval)
        self._fleet.learn(event_id, approval=approval)


def _about(event_id: str, reply: ApproveReply) -> ApproveReply:
    """Return the reply if it is about the event that was asked for. Raises MessageRefusedError."""
    if reply.event_id.upper() != event_id:
        raise MessageRefusedError(f"the reply is about event {reply.event_id!r}")
    return reply
