"""Azure's side of the simulation keeps to the reference: scheduled-events §1.4 and §1.5."""

from datetime import timedelta
from itertools import pairwise
from random import Random

from services.vmwatch.emulator.events import Draft
from tests.simulation.agenda import Agenda
from tests.simulation.azure import START_DELAY, Group
from tests.simulation.machines import Blow, Impact, Machines
from tests.simulation.rollout import Course, Rollout
from tests.simulation.world import BEGIN, Size, hosts_of

SIZE = Size(groups=1, hosts=6, domains=3, lost=0, failing=0)
DAY = timedelta(days=1)


class Place:
    """One placement group of six VMs, and all that happens to them."""

    def __init__(self) -> None:
        hosts = hosts_of(SIZE, 1)
        self.agenda = Agenda(BEGIN)
        self.machines = Machines(self.agenda, [host.key for host in hosts])
        self.group = Group(hosts, self.agenda, self.machines, Random(1))
        self.blows: list[tuple[float, Blow]] = []
        self.machines.hit = lambda blow: self.blows.append((self.seconds, blow))

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return (self.agenda.now() - BEGIN).total_seconds()

    def announce(self, kind: str = "Freeze", **more: float) -> None:
        """Raise an event of two VMs under the id E1."""
        self.group.announce(Draft(type=kind, resources=("set-00_0", "set-00_1"), **more), "E1")  # type: ignore[arg-type]

    def statuses(self) -> list[str]:
        """Return what the document says."""
        return [event.status for event in self.group.document().events]

    def pass_time(self, **time: float) -> None:
        """Let everything happen that happens within a time."""
        end = self.agenda.now() + timedelta(**time)
        self.agenda.at(end, lambda: None)
        while self.agenda.step(end):
            pass


def test_an_event_starts_at_not_before_and_is_gone_after_its_time() -> None:
    place, seen = Place(), []
    place.announce(notice_seconds=900.0, started_seconds=300.0)
    for _ in range(3):
        seen.append(place.statuses())
        place.pass_time(minutes=15.1)
    assert seen == [["Scheduled"], ["Started"], []]


def test_every_vm_of_an_event_is_hit_once_within_seconds_of_the_start() -> None:
    place = Place()
    place.announce()
    place.pass_time(hours=1)
    assert sorted(blow.host for _, blow in place.blows) == ["set-00_0", "set-00_1"]
    assert all(900 <= at <= 920 and blow.impact is Impact.PAUSE for at, blow in place.blows)


def test_an_approval_of_one_vm_starts_the_event_of_all() -> None:
    place = Place()
    place.announce()
    place.pass_time(minutes=1)
    assert place.group.approve("E1", "set-00_0")
    place.pass_time(seconds=START_DELAY)
    assert place.statuses() == ["Started"]


def test_an_unknown_event_cannot_be_approved() -> None:
    assert not Place().group.approve("E9", "set-00_0")


def test_a_cancelled_event_hits_nobody() -> None:
    place = Place()
    place.announce("Reboot")
    place.pass_time(minutes=8)
    place.group.cancel("E1")
    assert place.statuses() == []
    place.pass_time(hours=1)
    assert place.blows == []


def test_a_deadline_that_comes_forward_is_the_start() -> None:
    place = Place()
    place.announce()
    place.pass_time(minutes=5)
    place.group.hurry("E1", 120.0)
    place.pass_time(minutes=2, seconds=25)
    assert [420 <= at <= 441 for at, _ in place.blows] == [True, True]


def test_a_host_that_is_preempted_never_comes_back() -> None:
    place = Place()
    place.announce("Preempt", notice_seconds=30.0)
    place.pass_time(hours=2)
    assert place.machines.is_gone(place.blows[0][1].host)


def update(size: Size = SIZE) -> tuple[Place, list[Course]]:
    place = Place()
    rollout = Rollout([place.group], size, 1, place.agenda, place.machines)
    place.pass_time(hours=6)
    assert len(rollout.finished) == 1
    return place, list(rollout.courses.values())


def test_an_update_hits_every_host_once() -> None:
    place, courses = update()
    assert sorted(host for course in courses for host in course.hosts) == sorted(place.group.hosts)
    assert len(place.blows) == len(place.group.hosts)


def test_a_fault_domain_is_announced_only_when_the_last_one_is_through() -> None:
    place, courses = update()
    waves: dict[int, list[Course]] = {}
    for course in courses:
        waves.setdefault(place.group.hosts[course.hosts[0]].domain, []).append(course)
    ordered = sorted(waves.values(), key=lambda wave: wave[0].announced)
    ends = [max(course.ended for course in wave if course.ended) for wave in ordered]
    assert all(end < after[0].announced for end, (_, after) in zip(ends, pairwise(ordered), strict=False))


def test_notice_is_fifteen_minutes_unless_the_deadline_comes_forward() -> None:
    _, courses = update()
    assert {course.not_before - course.announced for course in courses} == {timedelta(minutes=15), timedelta(minutes=7)}
    assert {course.type for course in courses} <= {"Freeze", "Reboot"}
