"""Lanes: what one target may take at a time, and what becomes of the rest."""

from services.scheduler.dispatch.lanes import Lanes
from services.scheduler.dispatch.waits import QUEUE_LIMIT
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobId
from services.scheduler.store.records import Claim
from tests.parts.builders import claim, job

SLOW, OTHER = "http://slow:80", "http://other:80"


class Time:
    """Process time that tests turn."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def of_job(number: int) -> Claim:
    return claim(job(number), id=OccurrenceId(f"occurrence-{number}"))


def full(time: Time, waiting: int) -> Lanes:
    """Return lanes with one call under way at SLOW, which is all it may have, and so many claims that wait."""
    lanes = Lanes(concurrency=1, time=time)
    assert lanes.enter(SLOW, of_job(-1)).admitted
    for number in range(waiting):
        assert not lanes.enter(SLOW, of_job(number)).admitted
        assert lanes.wait(SLOW, of_job(number))
    return lanes


def test_a_full_target_leaves_room_for_every_other_one() -> None:
    lanes = full(Time(), waiting=1)
    assert lanes.enter(OTHER, of_job(-2)).admitted
    assert (lanes.full, lanes.waiting) == (2, 1)


def test_who_has_waited_longest_comes_next_when_a_call_ends() -> None:
    lanes = full(Time(), waiting=2)
    turns = [lanes.leave(SLOW), lanes.next(SLOW), lanes.next(SLOW)]
    assert [turn.occurrence.id if turn else None for turn in turns] == ["occurrence-0", "occurrence-1", None]
    assert lanes.enter(SLOW, of_job(-2)).admitted


def test_a_job_is_held_up_only_once_its_occurrence_has_waited_longer_than_a_moment() -> None:
    time = Time()
    lanes = full(time, waiting=1)
    at_first, time.now = lanes.is_held_up(JobId(0)), time.now + 1.1
    assert (at_first, lanes.is_held_up(JobId(0)), lanes.is_held_up(JobId(1))) == (False, True, False)
    lanes.leave(SLOW)
    assert not lanes.is_held_up(JobId(0))


def test_those_that_wait_for_a_hanging_target_hardly_count_and_those_of_one_that_moves_do() -> None:
    time = Time()
    lanes = full(time, waiting=500)
    at_first, time.now = lanes.weight, time.now + 1.1
    assert (at_first, lanes.weight, lanes.waiting) == (500, 20, 500)


def test_a_long_queue_is_refused_at_a_target_that_hangs_and_taken_at_one_that_moves() -> None:
    time = Time()
    lanes = full(time, waiting=QUEUE_LIMIT)
    assert lanes.wait(SLOW, of_job(QUEUE_LIMIT))
    time.now += 1.1
    assert not lanes.wait(SLOW, of_job(QUEUE_LIMIT + 1))


def test_a_rate_lets_calls_start_no_faster() -> None:
    time = Time()
    lanes = Lanes(concurrency=100, rate=2, time=time)
    entries = [lanes.enter(SLOW, of_job(number)) for number in range(2)]
    assert (entries[0].admitted, entries[1].admitted, entries[1].wait) == (True, False, 0.5)
    time.now += 0.5
    assert lanes.enter(SLOW, of_job(-2)).admitted


def test_what_waits_for_the_rate_is_as_slow_as_what_waits_for_a_hanging_target() -> None:
    time = Time()
    lanes = Lanes(concurrency=100, rate=2, time=time)
    waits = [_tried(lanes, of_job(number)) for number in range(500)]
    assert [wait for wait in waits if wait is not None] == [0.5]  # one comes back, not everybody
    for _ in range(3):
        time.now += 0.5
        turn = lanes.in_time(SLOW)
        while turn is not None and _tried(lanes, turn) is None:
            turn = lanes.next(SLOW)
    assert (lanes.waiting, lanes.weight) == (496, 20)


def _tried(lanes: Lanes, one: Claim) -> float | None:
    """Try to start a claim, or let it wait; return when to come back, if so."""
    entry = lanes.enter(SLOW, one)
    if not entry.admitted:
        assert lanes.wait(SLOW, one)
    return entry.wait


def test_who_was_tried_too_early_keeps_its_place() -> None:
    lanes = full(Time(), waiting=3)
    turn = lanes.leave(SLOW)
    assert turn == of_job(0)
    assert lanes.enter(SLOW, of_job(7)).admitted  # a newcomer was faster
    assert lanes.wait(SLOW, of_job(0))
    assert lanes.leave(SLOW) == of_job(0)


def test_those_that_are_tried_at_the_same_time_keep_their_order() -> None:
    time = Time()
    lanes = Lanes(concurrency=2, time=time)
    assert all(lanes.enter(SLOW, of_job(number)).admitted for number in (7, 8))
    for number in range(3):
        time.now += 0.1
        assert lanes.wait(SLOW, of_job(number))
    for turn in [lanes.leave(SLOW), lanes.leave(SLOW)]:
        assert turn is not None
        assert lanes.wait(SLOW, turn)
    assert [lanes.next(SLOW) for _ in range(3)] == [of_job(0), of_job(1), of_job(2)]


def test_when_whose_turn_it_is_comes_to_something_else_it_is_the_next_ones_turn() -> None:
    lanes = full(Time(), waiting=3)
    lanes.leave(SLOW)
    assert (lanes.pass_by(of_job(0)), lanes.pass_by(of_job(0))) == (of_job(1), None)
    assert lanes.open() == [of_job(2)]


def test_lanes_that_nobody_uses_are_forgotten_once_their_rate_is() -> None:
    time = Time()
    lanes = Lanes(concurrency=1, rate=1, time=time)
    assert lanes.enter(SLOW, of_job(1)).admitted
    assert lanes.leave(SLOW) is None
    time.now += 2
    lanes.open()
    assert lanes.enter(SLOW, of_job(2)).admitted
    assert lanes.full == 1


def test_what_does_not_stand_any_more_is_forgotten() -> None:
    lanes = full(Time(), waiting=3)
    lanes.keep(lambda waiting: waiting.job.id == JobId(1))
    assert (lanes.waiting, lanes.leave(SLOW), lanes.next(SLOW)) == (1, of_job(1), None)
