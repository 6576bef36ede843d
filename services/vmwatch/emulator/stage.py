"""The stage of a rehearsal: fleet, events, faults and limits behind one set of verbs, for routes and timelines."""

from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec

from services.vmwatch.emulator.bell import Bell
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Board, Draft, Ending, RehearsedEvent
from services.vmwatch.emulator.faults import Faults
from services.vmwatch.emulator.fleet import Fleet, Sees, Vm
from services.vmwatch.emulator.group import Group
from services.vmwatch.emulator.limits import Options, RateLimit
from services.vmwatch.errors import RehearsalError, UnknownEventError
from shared.logs import get_logger

CONTROL_PLANE: Final = "control plane"
"""Who approves by Azure Resource Manager instead of a VM (reference §1.11)."""
_REMEMBERED_APPROVALS: Final = 10_000
_log = get_logger(__name__)


class Approval(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One StartRequest as it came in; `status` is the event's at that moment, `unknown` when there was none."""

    at: datetime
    vm: str
    event_id: str
    status: str


class Stage:
    """Everything that is emulated. Verbs take effect at once; time takes effect when somebody looks."""

    def __init__(
        self,
        fleet: Fleet,
        pace: Pace,
        options: Options | None = None,
        new_id: Callable[[], str] = lambda: str(uuid4()),
    ) -> None:
        """`new_id` names events that are drafted without an id."""
        self.fleet = fleet
        self.pace = pace
        self.options = options or Options()
        self.faults = Faults(pace)
        self.rate = RateLimit(self.options.requests_per_second)
        self.requests: Counter[str] = Counter()
        self.approved = Bell()
        self._approvals: deque[Approval] = deque(maxlen=_REMEMBERED_APPROVALS)
        self._new_id = new_id
        self._groups = {vm.document: Group(pace, self.options) for vm in fleet.vms}

    def schedule(self, draft: Draft) -> RehearsedEvent:
        """Announce an event to the group of its resources. Raises RehearsalError."""
        event_id = (draft.id or self._new_id()).upper()
        if any(event.id == event_id for event in self.events()):
            raise RehearsalError(f"event {event_id} exists already; choose another id or finish it first")
        event = self._group_of(draft.resources).board.schedule(draft, event_id, self.pace.now())
        _log.info("event raised", event_id=event.id, type=event.type, resources=event.resources)
        return event

    def start(self, event_id: str) -> RehearsedEvent:
        """Start an event at once. Raises UnknownEventError."""
        return self._board_with(event_id).start(event_id, self.pace.now())

    def finish(self, event_id: str) -> None:
        """End an event as completed. Raises UnknownEventError."""
        self._board_with(event_id).finish(event_id, self.pace.now())

    def cancel(self, event_id: str) -> None:
        """Withdraw an event. Raises UnknownEventError, RehearsalError."""
        self._board_with(event_id).cancel(event_id, self.pace.now())

    def reschedule(self, event_id: str, notice_seconds: float) -> RehearsedEvent:
        """Move an event's NotBefore. Raises UnknownEventError, RehearsalError."""
        return self._board_with(event_id).reschedule(event_id, notice_seconds, self.pace.now())

    def reset(self, incarnation: int) -> None:
        """Set every group's incarnation, as after a disable or a jump."""
        for group in self._groups.values():
            group.board.reset(incarnation)

    def interrupt(self, event_id: str, seconds: float) -> RehearsedEvent:
        """Let a started event's VMs stand still once more. Raises UnknownEventError, RehearsalError."""
        return self._board_with(event_id).interrupt(event_id, seconds, self.pace.now())

    def approve(self, vm: Vm, event_ids: tuple[str, ...]) -> bool:
        """Take a VM's StartRequests; False, and nothing approved, when it is not told of one of them."""
        board = self._groups[vm.document].board
        live = {event.id: event for event in self._shown_to(vm, board.advance(self.pace.now()))}
        ids = tuple(event_id.upper() for event_id in event_ids)
        for event_id in ids:
            self._note_approval(vm.name, event_id, live[event_id].status if event_id in live else "unknown")
        if not set(ids) <= set(live):
            return False
        for event_id in ids:
            present = (found.name for name in live[event_id].resources if (found := self.fleet.find(name)))
            board.approve(event_id, vm.name, present, self.pace.now())
        return True

    def approve_centrally(self, event_id: str) -> RehearsedEvent:
        """Take an approval from outside the VMs, which counts for all of them. Raises UnknownEventError."""
        board = self._board_with(event_id)
        event = board.event(event_id)
        self._note_approval(CONTROL_PLANE, event.id, event.status)
        board.approve(event_id, CONTROL_PLANE, (), self.pace.now())
        return board.event(event_id)

    def activate(self, vm: Vm) -> timedelta:
        """Note a request for events and return how long its answer takes; a service switched off begins anew."""
        return self._groups[vm.document].activate(self.pace.now())

    async def wait_until_running(self, vm: Vm) -> None:
        """Return when no event keeps this VM standing still: until then its requests are not on their way."""
        board = self._groups[vm.document].board
        while until := board.still_until(vm.name, self.pace.now()):
            await self.pace.until(until)

    def read(self, vm: Vm) -> tuple[int, tuple[RehearsedEvent, ...]]:
        """Return the incarnation and the events that a VM sees now: those of its whole group, or its own."""
        incarnation, events = self._groups[vm.document].read(self.pace.now())
        return incarnation, self._shown_to(vm, events)

    def approvals(self) -> tuple[Approval, ...]:
        """Return the StartRequests that came in, oldest first."""
        return tuple(self._approvals)

    def endings(self) -> tuple[Ending, ...]:
        """Return what became of the events that are over."""
        return tuple(ending for group in self._groups.values() for ending in group.board.endings)

    def events(self) -> tuple[RehearsedEvent, ...]:
        """Return the live events of all groups."""
        now = self.pace.now()
        return tuple(event for group in self._groups.values() for event in group.board.advance(now))

    def state(self) -> dict[str, Any]:
        """Return everything as plain JSON values: `GET /control/state`."""
        events = self.events()
        return {
            "now": msgspec.to_builtins(self.pace.now()),
            "speed": self.pace.speed,
            "vms": [vm.name for vm in self.fleet.vms],
            "incarnations": {name: group.board.incarnation for name, group in self._groups.items()},
            "events": msgspec.to_builtins(events),
            "endings": msgspec.to_builtins(self.endings()),
            "approvals": msgspec.to_builtins(self.approvals()),
            "requests": dict(self.requests),
            "faults": msgspec.to_builtins(self.faults.current(self.pace.now())),
        }

    def _note_approval(self, vm: str, event_id: str, status: str) -> None:
        self._approvals.append(Approval(at=self.pace.now(), vm=vm, event_id=event_id, status=status))
        _log.info("approval received", event_id=event_id, vm=vm, status=status)
        self.approved.ring()

    def _shown_to(self, vm: Vm, events: tuple[RehearsedEvent, ...]) -> tuple[RehearsedEvent, ...]:
        return events if vm.sees is Sees.GROUP else tuple(event for event in events if event.concerns(vm.name))

    def _group_of(self, resources: tuple[str, ...]) -> Group:
        found = {vm.document for name in resources if (vm := self.fleet.find(name))}
        if len(found) != 1:
            known = ", ".join(vm.name for vm in self.fleet.vms)
            raise RehearsalError(f"resources {list(resources)} must be VMs of one placement group; the VMs are {known}")
        return self._groups[found.pop()]

    def _board_with(self, event_id: str) -> Board:
        now = self.pace.now()
        for group in self._groups.values():
            if any(event.id == event_id.upper() for event in group.board.advance(now)):
                return group.board
        raise UnknownEventError(f"no live event {event_id}")
