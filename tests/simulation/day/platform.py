"""Azure's side of a day: the emulator's stage in simulated time, and what its events do to the VMs."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import count
from random import Random

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Draft, Habits, RehearsedEvent
from services.vmwatch.emulator.fleet import Fleet, Vm
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.stage import Stage
from shared.topics import HostKey, host_key
from tests.simulation.agenda import Agenda
from tests.simulation.azure import FINAL, FREEZE, FREEZE_SECONDS, REBOOT_SECONDS, START_DELAY
from tests.simulation.machines import Impact, Machines
from tests.simulation.world import Host

AWAY_SECONDS = (300.0, 900.0)
"""Seconds until a VM that was evicted or deleted is there again under its name."""
STOPS = frozenset({"Reboot", "Redeploy"}) | FINAL
HIT_WITHIN = 10.0
"""Seconds after the start of an event within which its VMs are hit."""


class Platform:
    """What is true: `changed` hears of each group whose document has changed."""

    def __init__(self, hosts: Iterable[Host], agenda: Agenda, machines: Machines, seed: int) -> None:
        numbers = count(1)
        self.hosts = {host.name: host for host in hosts}
        self.stage = Stage(
            Fleet(vms=tuple(_vm(host) for host in self.hosts.values())),
            Pace(agenda),
            Options(habits=Habits(start_delay=START_DELAY)),
            new_id=lambda: f"{next(numbers):08X}-DA10-4000-8000-000000000000",
        )
        self.changed: Callable[[str], None] = lambda _: None
        self.raised: set[str] = set()
        self.ended: dict[str, datetime] = {}
        self._agenda = agenda
        self._machines = machines
        self._random = Random(f"platform {seed}")
        self._live: dict[str, RehearsedEvent] = {}
        self._begun: set[str] = set()
        self._next_look: datetime | None = None

    def announce(self, draft: Draft) -> str:
        """Raise an event and return its id."""
        event = self.stage.schedule(draft)
        self.raised.add(event.id)
        self.settle()
        return event.id

    def scheduled(self, event_id: str) -> bool:
        """Whether an event may still be moved or withdrawn."""
        event = self.event(event_id)
        return event is not None and event.is_scheduled

    def event(self, event_id: str) -> RehearsedEvent | None:
        """Return an event that is not over."""
        return next((event for event in self.stage.events() if event.id == event_id), None)

    def live_on(self, host: HostKey) -> list[RehearsedEvent]:
        """Return what is on for a host, as Azure knows it."""
        return [event for event in self.stage.events() if host in hosts_of(event)]

    def threatening(self) -> list[RehearsedEvent]:
        """Return what is on, but for advice."""
        return [event for event in self.stage.events() if event.status in (SCHEDULED, STARTED)]

    def document(self, group: str) -> dict[str, str]:
        """Return the status of each event of a group, by id."""
        return {event.id: event.status for event in self.stage.events() if self._group(event) == group}

    def settle(self) -> None:
        """Let time and whatever was asked take effect: tell of changes, hit VMs, look again when something is due."""
        before = self._live
        self._live = {event.id: event for event in self.stage.events()}
        for event_id in before.keys() - self._live.keys():
            self.ended[event_id] = self._agenda.now()
        for event in self._live.values():
            if event.status == STARTED and event.id not in self._begun:
                self._begun.add(event.id)
                self._hit(event)
        touched = {**before, **self._live}.values()
        for group in sorted({self._group(each) for each in touched if self._shown(before.get(each.id), each.id)}):
            self.changed(group)
        soonest = min((event.due_at for event in self._live.values()), default=None)
        if soonest is not None and soonest != self._next_look:
            self._next_look = soonest
            self._agenda.at(soonest, lambda: self._look(soonest))

    def _look(self, noted: datetime) -> None:
        if noted == self._next_look:
            self._next_look = None
            self.settle()

    def _shown(self, before: RehearsedEvent | None, event_id: str) -> bool:
        """Whether the document shows a difference."""
        now = self._live.get(event_id)
        if before is None or now is None:
            return True
        return (before.status, before.not_before) != (now.status, now.not_before)

    def _group(self, event: RehearsedEvent) -> str:
        return self.hosts[event.resources[0]].group

    def _hit(self, event: RehearsedEvent) -> None:
        """Freeze or stop the VMs of an event; what nobody knows does them no harm."""
        for host in hosts_of(event):
            if event.type == FREEZE:
                self._strike(host, Impact.PAUSE, FREEZE_SECONDS)
            elif event.type in STOPS:
                self._strike(host, Impact.STOP, AWAY_SECONDS if event.type in FINAL else REBOOT_SECONDS)

    def _strike(self, host: HostKey, impact: Impact, length: tuple[float, float]) -> None:
        seconds = self._random.uniform(*length)
        wait = self._random.uniform(0.0, HIT_WITHIN)
        self._agenda.after(wait, lambda: self._machines.interrupt(host, impact, seconds))


def hosts_of(event: RehearsedEvent) -> list[HostKey]:
    """Return the hosts that an event names."""
    return [host_key(name) for name in event.resources]


def _vm(host: Host) -> Vm:
    return Vm(
        name=host.name,
        pools=(host.pool,),
        addresses=(host.address,),
        placement_group=host.group,
        fault_domain=str(host.domain),
        update_domain=str(host.domain),
    )
