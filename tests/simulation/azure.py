"""Azure's side: placement groups, each with one document that all of its VMs see.

What becomes of an event from announcement to end is the emulator's own code, which is held to the reference
(scheduled-events §1.4); here it meets simulated time, and the VMs.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random

import msgspec

from services.vmwatch.documents import STARTED, Document, parse_document
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Board, Draft, Habits, RehearsedEvent
from services.vmwatch.emulator.wire import EVENT_VERSIONS, render_events
from tests.simulation.agenda import Agenda
from tests.simulation.machines import Impact, Machines
from tests.simulation.world import Host

START_DELAY = 5.0
"""Seconds from an approval to the start."""
IMPACT_WITHIN = 20.0
"""Seconds after the start of an event within which its VMs are hit, each at its own moment."""
FREEZE = "Freeze"
FINAL = frozenset({"Terminate", "Preempt"})
FREEZE_SECONDS = (3.0, 11.0)
"""How long a VM stands still: about 7 s (reference scheduled-events §1.4)."""
REBOOT_SECONDS = (45.0, 240.0)


class Group:
    """A placement group. Whoever wants to know when its document changes, events begin or are over, adds a listener."""

    def __init__(self, hosts: Sequence[Host], agenda: Agenda, machines: Machines, random: Random) -> None:
        self.hosts = {host.name: host for host in hosts}
        self.on_change: list[Callable[[], None]] = []
        self.on_begin: list[Callable[[RehearsedEvent], None]] = []
        self.on_end: list[Callable[[RehearsedEvent, str], None]] = []
        self._board = Board(Pace(agenda), Habits(start_delay=START_DELAY))
        self._agenda = agenda
        self._machines = machines
        self._random = random
        self._begun: set[str] = set()
        self._next_look: datetime | None = None

    def announce(self, draft: Draft, event_id: str) -> None:
        """Raise an event."""
        self._board.schedule(draft, event_id, self._agenda.now())
        self._take_effect()
        self._tell()

    def approve(self, event_id: str, vm: str) -> bool:
        """Take a VM's StartRequest; False when there is no such event."""
        is_known = self._board.approve(event_id, vm, (), self._agenda.now())
        self._look_in_time()
        return is_known

    def cancel(self, event_id: str) -> None:
        """Withdraw an event, unless it has started or is over."""
        if self._is_scheduled(event_id):
            self._board.cancel(event_id, self._agenda.now())
            self._take_effect()

    def hurry(self, event_id: str, seconds: float) -> None:
        """Bring an event's NotBefore forward to so many seconds from now, unless it starts sooner anyway."""
        if self._is_scheduled(event_id):
            self._board.reschedule(event_id, seconds, self._agenda.now())
            self._look_in_time()
            self._tell()

    def document(self) -> Document:
        """Return what a watcher reads now, by way of Azure's JSON."""
        events = self._board.advance(self._agenda.now())
        return parse_document(msgspec.json.encode(render_events(self._board.incarnation, events, EVENT_VERSIONS[-1])))

    def event(self, event_id: str) -> RehearsedEvent | None:
        """Return a live event."""
        events = self._board.advance(self._agenda.now())
        return next((event for event in events if event.id == event_id), None)

    def _is_scheduled(self, event_id: str) -> bool:
        """Whether an event has not started, nor been let start by somebody."""
        event = self.event(event_id)
        return event is not None and event.end_at is None and not event.approved_by

    def _tell(self) -> None:
        for listener in self.on_change:
            listener()

    def _take_effect(self) -> None:
        """Let time pass: hit the VMs of events that have begun, and tell of what is new."""
        begun = [event for event in self._board.advance(self._agenda.now()) if self._has_begun(event)]
        endings = self._board.endings[:]
        self._board.endings.clear()
        for event in begun:
            self._begun.add(event.id)
            for listener in self.on_begin:
                listener(event)
            for name in event.resources:
                self._hit(event.type, self.hosts[name])
        if begun or endings:
            self._tell()
        for ending in endings:
            for end in self.on_end:
                end(ending.event, ending.outcome)
        self._look_in_time()

    def _has_begun(self, event: RehearsedEvent) -> bool:
        return event.status == STARTED and event.id not in self._begun

    def _hit(self, kind: str, host: Host) -> None:
        seconds: float | None = self._random.uniform(*(FREEZE_SECONDS if kind == FREEZE else REBOOT_SECONDS))
        impact = Impact.PAUSE if kind == FREEZE else Impact.STOP
        length = None if kind in FINAL else seconds
        wait = self._random.uniform(0.0, IMPACT_WITHIN)
        self._agenda.after(wait, lambda: self._machines.interrupt(host.key, impact, length))

    def _look_in_time(self) -> None:
        """Look again when the next event starts or ends."""
        live = self._board.advance(self._agenda.now())
        soonest = min((event.end_at or event.start_at for event in live), default=None)
        if soonest is not None and soonest != self._next_look:
            self._next_look = soonest
            self._agenda.at(soonest, lambda: self._look(soonest))

    def _look(self, noted: datetime) -> None:
        if noted == self._next_look:
            self._next_look = None
            self._take_effect()
