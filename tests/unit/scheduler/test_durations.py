"""How long a job takes: the 99th percentile of its last attempts, and when too little is known of it."""

from datetime import timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain.durations import (
    FLOOR,
    LEAST,
    NEWEST,
    SETTLED,
    Durations,
    Longest,
    counts,
    measured,
)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def seconds(*numbers: float) -> list[timedelta]:
    return [timedelta(seconds=number) for number in numbers]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=NEWEST))
def test_the_percentile_is_the_nearest_rank_of_all_attempts_though_only_the_longest_are_kept(took: list[int]) -> None:
    durations = [timedelta(milliseconds=each) for each in took]
    by_definition = sorted(durations)[ceil(0.99 * len(durations)) - 1]
    assert Longest.of(len(durations), durations).p99 == by_definition
    assert sum((Longest.of(1, [each]) for each in durations), Longest()).p99 == by_definition


@given(st.lists(st.integers(0, 10**6), max_size=60), st.lists(st.integers(0, 10**6), max_size=40))
def test_counting_in_two_parts_is_counting_together(first: list[int], second: list[int]) -> None:
    one, other = ([timedelta(milliseconds=each) for each in part] for part in (first, second))
    together = Longest.of(len(one), one) + Longest.of(len(other), other)
    assert together == Longest.of(len(one + other), one + other)


def test_one_outlier_in_a_hundred_is_forgiven_and_a_second_one_is_not() -> None:
    assert measured(seconds(*[2] * 99, 50), []).expected(MINUTE) == 2 * SECOND
    assert measured(seconds(*[2] * 98, 50, 55), []).expected(MINUTE) == 50 * SECOND


def test_with_too_few_attempts_nothing_is_known() -> None:
    assert Durations().expected(MINUTE) is None
    assert measured(seconds(*[2] * (LEAST - 1)), []).expected(MINUTE) is None
    assert measured(seconds(*[2] * LEAST), []).expected(MINUTE) == 2 * SECOND


def test_no_job_is_reckoned_to_take_less_than_the_floor_nor_more_than_its_time_limit() -> None:
    assert measured(seconds(*[0.004] * LEAST), []).expected(MINUTE) == FLOOR
    assert measured(seconds(*[3600] * LEAST), []).expected(MINUTE) == MINUTE
    assert measured(seconds(*[0.1] * LEAST), []).expected(SECOND / 2) == SECOND / 2


@pytest.mark.parametrize("newer", range(SETTLED + 1))
def test_attempts_from_before_the_last_write_count_until_enough_have_come_since(newer: int) -> None:
    found = measured(seconds(*[2] * newer), seconds(*[40] * 50)).expected(MINUTE)
    assert found == (2 if newer >= SETTLED else 40) * SECOND


def test_a_job_that_became_slower_is_believed_at_once() -> None:
    assert measured(seconds(50), seconds(*[2] * 50)).expected(MINUTE) == 50 * SECOND


def test_one_more_attempt_counts_as_since_the_last_write() -> None:
    learnt = measured([], seconds(*[40] * SETTLED))
    for _ in range(SETTLED):
        assert learnt.expected(HOUR) == 40 * SECOND
        learnt = learnt.and_one(2 * SECOND)
    assert learnt.expected(HOUR) == 2 * SECOND


def test_a_failed_attempt_counts_only_if_it_ran_to_the_time_limit() -> None:
    assert counts(SECOND, succeeded=True, timeout=MINUTE)
    assert not counts(SECOND, succeeded=False, timeout=MINUTE)
    assert counts(MINUTE, succeeded=False, timeout=MINUTE)
