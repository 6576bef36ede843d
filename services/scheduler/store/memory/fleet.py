"""Events, drains, approvals and cordons in memory."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor
from services.scheduler.store.memory.state import State
from services.scheduler.store.progress import Bid, event_key, latest_approval, may_approve
from services.scheduler.store.records import (
    Approval,
    Cordon,
    DrainReport,
    EventOutcome,
    EventRecord,
    Ownership,
    SessionId,
)
from services.scheduler.store.trail import host_cordoned, host_released


class FleetVerbs:
    """The verbs about hosts and what threatens them."""

    _state: State

    async def put_event(self, event: EventRecord) -> None:
        """See the port."""
        self._state.events[event_key(event.event_id)] = event

    async def get_event(self, event_id: str) -> EventRecord:
        """See the port."""
        key = event_key(event_id)
        if key not in self._state.events:
            raise NotFoundError(f"event {event_id} does not exist")
        return self._with_approval(key)

    async def list_events(self, *, active: bool, limit: int) -> list[EventRecord]:
        """See the port."""
        events = [self._with_approval(key) for key in sorted(self._state.events)]
        events.sort(key=lambda event: event.first_seen_at, reverse=True)
        return [event for event in events if not active or event.outcome is EventOutcome.ACTIVE][:limit]

    async def report_drain(self, owner: Ownership, report: DrainReport) -> None:
        """See the port."""
        self._state.drains[event_key(report.event_id), report.host, owner.session] = report

    async def drain_reports(self, event_id: str) -> list[tuple[SessionId, DrainReport]]:
        """See the port."""
        return [
            (session, report)
            for session in await self.live_sessions()
            for (key, _, reporter), report in sorted(self._state.drains.items(), key=lambda item: item[0])
            if key == event_key(event_id) and reporter == session
        ]

    async def live_sessions(self) -> list[SessionId]:
        """See the port."""
        return [life.owner.session for _, life in sorted(self._state.lives.items())]

    async def take_approval(self, event_id: str, replica: str, now: datetime, patience: timedelta) -> bool:
        """See the port."""
        key = event_key(event_id)
        bid = self._state.bids.get(key, Bid())
        won = may_approve(bid, replica, now, patience)
        if won and bid.replica != replica:
            self._state.bids[key] = replace(bid, replica=replica, taken_at=now)
        return won

    async def record_approval(self, event_id: str, approval: Approval) -> None:
        """See the port."""
        key = event_key(event_id)
        bid = self._state.bids.get(key, Bid())
        self._state.bids[key] = replace(bid, approval=latest_approval(bid.approval, approval))

    async def put_cordon(self, cordon: Cordon, *, by: Actor | None = None) -> None:
        """See the port."""
        before = self._state.cordons.get(cordon.host)
        self._state.cordons[cordon.host] = cordon
        self._state.record(host_cordoned(by, cordon, before))

    async def delete_cordon(self, host: str, *, by: Actor | None = None) -> bool:
        """See the port."""
        before = self._state.cordons.pop(host, None)
        if before is not None:
            self._state.record(host_released(by, before))
        return before is not None

    async def list_cordons(self) -> list[Cordon]:
        """See the port."""
        return [self._state.cordons[host] for host in sorted(self._state.cordons)]

    def _with_approval(self, key: str) -> EventRecord:
        return replace(self._state.events[key], approval=self._state.bids.get(key, Bid()).approval)
