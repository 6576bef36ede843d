"""The update: each group's fault domains one after the other, every host hit once, and what does not go by the book."""

from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random

import msgspec

from services.vmwatch.documents import SCHEDULED, STARTED
from services.vmwatch.emulator.events import Draft, RehearsedEvent
from tests.simulation.agenda import Agenda
from tests.simulation.azure import FINAL, FREEZE, Group
from tests.simulation.machines import Machines
from tests.simulation.world import Host, Size

CANCELLED = "cancelled"
NOTICE = {FREEZE: 900.0, "Reboot": 900.0, "Preempt": 30.0, "Terminate": 300.0}
"""Seconds from announcement to NotBefore (reference scheduled-events §1.5)."""
STARTED_FOR = {FREEZE: 300.0, "Reboot": 600.0}
"""Seconds for which an event stays Started (§1.4), up to a fifth more or less."""
PAUSE = (60.0, 180.0)
"""Seconds from the end of one fault domain to the announcement of the next."""
REBOOTED, PAIRED, CANCELS, HURRIES = 0.4, 0.1, 0.02, 0.03
"""The shares of groups that reboot instead of freezing, of operations on two hosts at once, of events that are
cancelled, and of events whose NotBefore comes forward."""
_CANCELLED_AFTER, _HURRIED_AFTER, _HURRIED_TO = 480.0, 300.0, 120.0
_TELLS = {
    FREEZE: "Virtual machine is being paused because of a memory-preserving Live Migration operation.",
    "Reboot": "Host server is undergoing maintenance.",
}


class Course(msgspec.Struct, kw_only=True):
    """What became of one event."""

    event_id: str
    type: str
    hosts: tuple[str, ...]
    announced: datetime
    not_before: datetime
    is_planned: bool
    approved: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""


class Rollout:
    """Everything that Azure does in a run, by one seed; `courses` tells how it went, by event id."""

    def __init__(self, groups: list[Group], size: Size, seed: int, agenda: Agenda, machines: Machines) -> None:
        self.courses: dict[str, Course] = {}
        self.finished: dict[int, datetime] = {}
        self._agenda = agenda
        self._machines = machines
        self._random = Random(f"rollout {seed}")
        self._groups = groups
        self._size = size
        for number, group in enumerate(groups):
            group.on_begin.append(self._note_start)
            group.on_end.append(self._note_end)
            _Wave(self, number, group, Random(f"wave {seed} {number}"), size.domains).begin()
        self._plan_surprises(groups)

    @property
    def stagger(self) -> float:
        """Seconds within which the groups begin."""
        return self._size.stagger.total_seconds()

    def announce(self, group: Group, draft: Draft, *, planned: bool) -> str:
        """Raise an event and follow it; return its id."""
        event_id = f"{len(self.courses) + 1:08X}-5EED-4000-8000-000000000000"
        now = self._agenda.now()
        self.courses[event_id] = Course(
            event_id=event_id,
            type=draft.type,
            hosts=draft.resources,
            announced=now,
            not_before=now,
            is_planned=planned,
        )
        group.announce(draft, event_id)
        event = group.event(event_id)
        if event is not None:
            self.courses[event_id].not_before = event.not_before
        return event_id

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen later."""
        self._agenda.after(seconds, act)

    def is_gone(self, host: Host) -> bool:
        """Whether a host has vanished: nothing is announced for it any more."""
        return self._machines.is_gone(host.key)

    def finish(self, number: int) -> None:
        """Note that a group is through."""
        self.finished[number] = self._agenda.now()

    def _note_start(self, event: RehearsedEvent) -> None:
        course = self.courses[event.id]
        course.started, course.not_before = self._agenda.now(), event.not_before

    def _note_end(self, event: RehearsedEvent, outcome: str) -> None:
        course = self.courses[event.id]
        course.ended, course.outcome = self._agenda.now(), outcome

    def _plan_surprises(self, groups: list[Group]) -> None:
        """Let hosts fail without notice, and others vanish for ever, at any time of the first half."""
        hosts = [(group, host) for group in groups for host in group.hosts.values()]
        chosen = self._random.sample(hosts, self._size.failing + self._size.lost)
        for place, (group, host) in enumerate(chosen):
            draft = self._failing(host) if place < self._size.failing else self._vanishing(host, place)
            at = self._random.uniform(0.05, 0.5) * self._size.span.total_seconds()
            self._agenda.after(at, _Surprise(self, group, host, draft))

    def _failing(self, host: Host) -> Draft:
        return Draft(type="Reboot", status=STARTED, resources=(host.name,), notice_seconds=0.0, started_seconds=420.0)

    def _vanishing(self, host: Host, place: int) -> Draft:
        kind = sorted(FINAL)[place % 2]
        source = "User" if kind == "Terminate" else "Platform"
        return Draft(
            type=kind, resources=(host.name,), source=source, notice_seconds=NOTICE[kind], started_seconds=60.0
        )


class _Surprise(msgspec.Struct, frozen=True):
    """An event that no plan knows of, unless its host has vanished meanwhile."""

    rollout: Rollout
    group: Group
    host: Host
    draft: Draft

    def __call__(self) -> None:
        if not self.rollout.is_gone(self.host):
            self.rollout.announce(self.group, self.draft, planned=False)


class _Wave:
    """The update of one group: the next fault domain is announced once all events of the last are over."""

    def __init__(self, rollout: Rollout, number: int, group: Group, random: Random, domains: int) -> None:
        self._rollout = rollout
        self._number = number
        self._group = group
        self._random = random
        self._kind = "Reboot" if random.random() < REBOOTED else FREEZE
        self._domains = random.sample(range(domains), domains)
        self._open: dict[str, tuple[Host, ...]] = {}
        self._again = 0
        group.on_end.append(self._ended)

    def begin(self) -> None:
        """Announce the first fault domain some time soon."""
        self._rollout.after(self._random.uniform(30.0, 30.0 + self._rollout.stagger), self._next)

    def _next(self) -> None:
        if not self._domains:
            self._rollout.finish(self._number)
            return
        domain = self._domains.pop()
        hosts = [host for host in self._group.hosts.values() if host.domain == domain]
        present = [host for host in hosts if not self._rollout.is_gone(host)]
        for operation in _operations(present, self._random):
            self._announce(operation)
        if not self._open:
            self._next()

    def _announce(self, hosts: tuple[Host, ...]) -> None:
        event_id = self._rollout.announce(self._group, self._draft(hosts), planned=True)
        self._open[event_id] = hosts
        chance = self._random.random()
        if chance < CANCELS:
            self._rollout.after(_CANCELLED_AFTER, lambda: self._group.cancel(event_id))
        elif chance < CANCELS + HURRIES:
            self._rollout.after(_HURRIED_AFTER, lambda: self._group.hurry(event_id, _HURRIED_TO))

    def _draft(self, hosts: tuple[Host, ...]) -> Draft:
        return Draft(
            type=self._kind,
            status=SCHEDULED,
            resources=tuple(host.name for host in hosts),
            description=_TELLS[self._kind],
            notice_seconds=NOTICE[self._kind],
            duration_seconds=9 if self._kind == FREEZE else None,
            started_seconds=STARTED_FOR[self._kind] * self._random.uniform(0.8, 1.2),
        )

    def _ended(self, event: RehearsedEvent, outcome: str) -> None:
        """Go on once all are over; what was cancelled is announced again."""
        hosts = self._open.pop(event.id, ())
        left = tuple(host for host in hosts if not self._rollout.is_gone(host))
        if left and outcome == CANCELLED:
            self._again += 1
            self._rollout.after(self._random.uniform(*PAUSE), lambda: self._announce_again(left))
        elif hosts and not self._open and not self._again:
            self._rollout.after(self._random.uniform(*PAUSE), self._next)

    def _announce_again(self, hosts: tuple[Host, ...]) -> None:
        self._again -= 1
        self._announce(hosts)


def _operations(hosts: list[Host], random: Random) -> Iterator[tuple[Host, ...]]:
    """Yield which hosts are hit together: one event is one atomic operation (reference scheduled-events §1.4)."""
    rest = list(hosts)
    while rest:
        size = 2 if random.random() < PAIRED else 1
        yield tuple(rest[:size])
        del rest[:size]
