"""What a drill chooses by its seed: faults and jobs."""

from random import Random

from tests.drill.jobs import cast
from tests.drill.nemesis import Planned, duration, plan
from tests.drill.records import FaultKind


def faults(seed: int, *, server: bool = True) -> list[Planned]:
    return plan(Random(seed), count=200, span=20.0, lease=3, replicas=3, server=server)


def fault(what: str, start: float, seconds: float) -> Planned:
    return Planned(kind=FaultKind.KILL, what=what, start=start, seconds=seconds, replica=0)


def test_a_seed_gives_the_same_faults_and_jobs_again() -> None:
    assert faults(1) == faults(1) != faults(2)
    jobs = [cast(Random(1), count=50, port=80, first=100.0, last=160.0) for _ in range(2)]
    assert jobs[0] == jobs[1]


def test_without_a_server_nothing_of_a_server_breaks() -> None:
    assert {each.what for each in faults(1, server=False)} == {"broker", "target", *(f"replica-{n}" for n in range(3))}


def test_with_a_server_every_thing_breaks_some_time() -> None:
    broken = {each.what for each in faults(1)}
    assert {"database", "broker", "target", "replica-0", "replica-0's line"} <= broken


def test_faults_of_one_thing_wait_for_each_other_and_those_of_several_do_not() -> None:
    assert duration([fault("broker", 0, 4), fault("target", 1, 4)]) == duration([fault("target", 1, 4)])
    assert duration([fault("broker", 0, 4), fault("broker", 1, 4)]) > 8


def test_every_job_is_due_within_the_drill() -> None:
    for each in cast(Random(1), count=200, port=80, first=100.0, last=160.0):
        assert 100.0 <= each.job.first <= 160.0
