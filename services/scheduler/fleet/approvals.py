"""Approvals: once an event's hosts are drained, one replica asks one watcher to let Azure go ahead."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus

from services.scheduler.domain.hosts import SCHEDULED, STARTED
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.fleet.events import Known
from services.scheduler.fleet.fleet import Fleet
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Approve
from services.scheduler.store.base import Approval, ApprovalState, EventRecord, Store
from shared.bus import Bus, BusUnavailableError, ReplyTimeoutError
from shared.clock import Clock
from shared.logs import get_logger
from shared.messages import ApproveCommand, ApproveReply, DrainState, MessageRefusedError, decode, encode
from shared.topics import HostKey, Topics, host_key

log = get_logger(__name__)

PATIENCE_SECONDS = 5.0
"""How long one watcher may take to answer before the next is asked (DESIGN §4)."""
TURN = timedelta(seconds=30)
"""How long the replica that won the right to approve keeps it."""
AGAIN = timedelta(seconds=5)
"""When an event that is still scheduled is asked for again."""
USER = "User"
EARLY = timedelta(seconds=2)
"""A start at least this long before NotBefore was somebody's approval; Azure itself waits for NotBefore."""


def allowed(event: EventRecord, setting: Approve) -> bool:
    """Whether the operator lets Leeward approve this event."""
    return setting is Approve.ALL or (setting is Approve.USER and event.source == USER)


def due(event: EventRecord, setting: Approve) -> bool:
    """Whether an event waits for our approval now: allowed, not given yet, every host drained in time."""
    if event.status != SCHEDULED or not event.hosts or not allowed(event, setting):
        return False
    if event.approval.state not in (ApprovalState.NONE, ApprovalState.ASKED):
        return False
    return all(host.drain == DrainState.DRAINED for host in event.hosts.values())


def approved_by_others(before: datetime | None, event: EventRecord, now: datetime) -> bool:
    """Whether an event started early though we did not ask for it."""
    return (
        event.status == STARTED
        and event.approval.state is ApprovalState.NONE
        and before is not None
        and now < before - EARLY
    )


class Approvals:
    """Asks for approvals that are due; the store decides which replica does (never two at a time)."""

    def __init__(
        self,
        fleet: Fleet,
        store: Store,
        bus: Bus,
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
        self._asked: dict[str, datetime] = {}
        self._woken = asyncio.Event()
        fleet.on_change(self._woken.set)

    async def run(self) -> None:
        """Follow every live event until cancelled; woken by each change, at least every second."""
        while True:
            try:
                await asyncio.gather(*(self._follow(known) for known in self._fleet.active_events()))
            except StoreUnavailableError as fault:
                log.warning("approvals wait for the store", error=str(fault))
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._woken.wait()
            self._woken.clear()

    async def _follow(self, known: Known) -> None:
        """Ask for the approval of an event if it is due; note one that somebody else gave."""
        event = known.record
        now = self._clock.now()
        if approved_by_others(event.not_before, event, now):
            await self._note(event, ApprovalState.FOREIGN, "someone else", "started before NotBefore, not by us")
            self._metrics.approvals.labels("foreign").inc()
        if not due(event, self._setting) or now < self._asked.get(event.event_id, now):
            return
        if self._fleet.heard.standing_block([HostKey(host) for host in event.hosts], now) is not None:
            return
        if await self._store.take_approval(event.event_id, self._replica, now, TURN):
            self._asked = {event.event_id: now + AGAIN, **{key: at for key, at in self._asked.items() if at > now}}
            await self._ask_watchers(known)

    async def _ask_watchers(self, known: Known) -> None:
        event = known.record
        reason = "every job that ran there is finished, moved or held"
        await self._note(event, ApprovalState.ASKED, self._replica, reason)
        for watcher in self._witnesses(known):
            reply = await self._ask(watcher, event, reason)
            if reply is None:
                self._metrics.approvals.labels("unanswered").inc()
                continue
            if reply.error is None and reply.status == HTTPStatus.OK:
                self._metrics.approvals.labels("approved").inc()
                await self._note(event, ApprovalState.APPROVED, f"{self._replica} via {watcher}", reason)
                return
            self._metrics.approvals.labels("refused").inc()
            log.warning(
                "approval refused", event_id=event.event_id, watcher=watcher, status=reply.status, error=reply.error
            )

    def _witnesses(self, known: Known) -> Iterable[HostKey]:
        """Return online watchers that see the event: those it hits first, they are sure to be concerned."""
        now = self._clock.now()
        online = [host for host in known.reporters if self._fleet.heard.fresh_snapshot(host, now) is not None]
        hit = {host_key(name) for name in known.record.resources}
        return sorted(online, key=lambda host: (host not in hit, host))

    async def _ask(self, watcher: HostKey, event: EventRecord, reason: str) -> ApproveReply | None:
        command = ApproveCommand(event_id=event.event_id, reason=reason, decided_by=self._replica)
        try:
            answer = await self._bus.request(self._topics.approve(watcher), encode(command), timeout=PATIENCE_SECONDS)
            return decode(answer, ApproveReply)
        except (BusUnavailableError, ReplyTimeoutError, MessageRefusedError) as fault:
            log.warning("approval unanswered", event_id=event.event_id, watcher=watcher, error=str(fault))
            return None

    async def _note(self, event: EventRecord, state: ApprovalState, by: str, reason: str) -> None:
        approval = Approval(state=state, at=self._clock.now(), by=by, reason=reason)
        await self._store.record_approval(event.event_id, approval)
        self._fleet.learn(event.event_id, approval=approval)
