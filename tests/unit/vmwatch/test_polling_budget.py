"""Requests keep their distance, whatever restarts."""

import math
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.vmwatch.budget import AZURE_PER_SECOND, Budget, Distance
from tests.parts.watching import TurnedClock

APART = 2 / 3


def life(clock: TurnedClock, pauses: list[float], random: Random) -> list[float]:
    """Return when a program of that life asks, which begins now and asks again after each pause."""
    distance = Distance(APART, monotonic=clock.monotonic, first_after=APART * random.uniform(1.0, 1.5))
    asked = []
    for pause in pauses:
        clock.turn(distance.reserve())
        asked.append(clock.monotonic())
        clock.turn(pause)
    return asked


@given(st.lists(st.lists(st.floats(0, 0.5), max_size=4), max_size=20), st.integers())
def test_no_second_sees_more_than_two_readings_however_often_the_program_starts_again(
    lives: list[list[float]], seed: int
) -> None:
    clock, random = TurnedClock(), Random(seed)
    asked = [at for pauses in lives for at in life(clock, pauses, random)]
    busiest = max((sum(1 for at in asked if start <= at < start + 1) for start in asked), default=0)
    assert busiest <= 2


def test_turns_that_are_taken_at_once_come_one_after_the_other() -> None:
    distance = Distance(0.5, monotonic=TurnedClock().monotonic)
    assert [distance.reserve() for _ in range(3)] == [0.0, 0.5, 1.0]


def test_a_turn_that_was_not_taken_is_not_saved_up() -> None:
    clock = TurnedClock()
    distance = Distance(0.5, monotonic=clock.monotonic)
    clock.turn(60)
    assert [distance.reserve() for _ in range(2)] == [0.0, 0.5]


def test_two_programs_leave_the_vm_one_of_azures_requests() -> None:
    assert 2 * math.ceil(1 / APART) < AZURE_PER_SECOND


def test_a_crowd_of_approvals_leaves_the_polls_their_share() -> None:
    budget = Budget(1.0, monotonic=TurnedClock().monotonic, random=Random(7))
    turns = [budget._approvals.reserve() for _ in range(30)] + [budget._readings.reserve() for _ in range(15)]
    asked = [round(turn, 6) for turn in turns]
    busiest = max(sum(1 for at in asked if start <= at < start + 1) for start in asked)
    assert busiest <= AZURE_PER_SECOND
