"""How long retries wait, and when within its window an occurrence starts."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain.actions import ActionName, RetryKind, RetryPolicy
from services.scheduler.domain.delays import LONGEST_REQUEST, fraction, retry_delay, start_within
from services.scheduler.domain.executions import AttemptResult, Finished, Next, after_attempt, occurrence_id
from services.scheduler.domain.jobs import Job
from tests.parts.builders import NOON, definition, job, occurrence

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
FIXED = RetryPolicy(interval=MINUTE)
DOUBLING = RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=MINUTE, count=20)
INTERVALS = st.timedeltas(min_value=SECOND, max_value=timedelta(days=548))


def delay(policy: RetryPolicy, number: int = 1, seed: object = "one", asked: timedelta | None = None) -> timedelta:
    return retry_delay(policy, number, str(seed), ActionName.MAIN, asked)


def failing(policy: RetryPolicy) -> Job:
    what = definition()
    return job(what=definition(action=type(what.action)(call=what.action.call, retry_policy=policy)))


def failed(retry_after: timedelta | None = None) -> AttemptResult:
    return AttemptResult(
        succeeded=False, retryable=True, message="", started_at=NOON, ended_at=NOON, retry_after=retry_after
    )


def test_a_fixed_retry_waits_its_interval_whichever_it_is() -> None:
    assert {delay(FIXED, number) for number in range(1, 21)} == {MINUTE}


@pytest.mark.parametrize("number", range(1, 6))
def test_an_exponential_retry_waits_between_the_doubled_interval_and_twice_that(number: int) -> None:
    least = MINUTE * 2 ** (number - 1)
    delays = [delay(DOUBLING, number, seed) for seed in range(500)]
    assert all(least <= one < 2 * least for one in delays)
    assert min(delays) < least * 1.05
    assert max(delays) > least * 1.95


def test_exponential_retries_grow_up_to_the_longest_interval_and_are_spread_there_too() -> None:
    policy = RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=MINUTE, count=20, max_interval=10 * MINUTE)
    delays = [delay(policy, 20, seed) for seed in range(500)]
    assert min(delays) >= 5 * MINUTE
    assert max(delays) <= 10 * MINUTE
    assert len(set(delays)) > 400


def test_a_longest_interval_that_is_the_interval_leaves_no_room_for_jitter() -> None:
    policy = RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=MINUTE, max_interval=MINUTE)
    assert {delay(policy, number) for number in range(1, 21)} == {MINUTE}


def test_the_longest_interval_is_an_hour_or_the_interval_itself() -> None:
    assert DOUBLING.longest == HOUR
    assert RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=5 * HOUR).longest == 5 * HOUR


@given(INTERVALS, st.integers(1, 20), st.text(), st.none() | st.timedeltas(min_value=timedelta(0)))
def test_no_retry_comes_before_the_interval_or_long_after_what_was_asked(
    interval: timedelta, number: int, seed: str, asked: timedelta | None
) -> None:
    policy = RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=interval)
    waited = delay(policy, number, seed, asked)
    assert interval <= waited <= policy.longest
    assert asked is None or waited >= min(asked, policy.longest)


def test_the_same_retry_waits_as_long_whoever_asks_and_another_action_does_not() -> None:
    assert delay(DOUBLING, 3) == delay(DOUBLING, 3)
    assert retry_delay(DOUBLING, 3, "one", ActionName.ERROR) != delay(DOUBLING, 3)


def test_a_target_that_asks_for_more_time_gets_it_but_no_more_than_an_hour() -> None:
    assert delay(FIXED, asked=5 * MINUTE) == 5 * MINUTE
    assert delay(FIXED, asked=SECOND) == MINUTE
    assert delay(FIXED, asked=timedelta(days=300)) == LONGEST_REQUEST


def test_exponential_retries_that_were_turned_away_together_come_back_apart() -> None:
    delays = [delay(DOUBLING, 1, seed, asked=30 * MINUTE) for seed in range(200)]
    assert all(30 * MINUTE <= one <= 31 * MINUTE for one in delays)
    assert len(set(delays)) > 150
    assert delay(DOUBLING, asked=timedelta(days=1)) == HOUR


def test_a_longest_interval_bounds_what_a_target_may_ask_for() -> None:
    policy = RetryPolicy(kind=RetryKind.EXPONENTIAL, interval=MINUTE, max_interval=3 * HOUR)
    assert delay(policy, asked=timedelta(days=1)) == 3 * HOUR


@pytest.mark.parametrize("policy", [FIXED, DOUBLING])
def test_a_failed_attempt_leads_to_a_retry_at_the_policys_instant(policy: RetryPolicy) -> None:
    subject = failing(policy)
    following = after_attempt(subject, occurrence(subject, retries=1), failed())
    assert isinstance(following, Next)
    assert following.retries == 2
    waited = following.fire_at - NOON
    assert waited == MINUTE if policy is FIXED else 2 * MINUTE <= waited <= 4 * MINUTE
    assert following.fire_at.microsecond % 1000 == 0


def test_a_target_that_asks_to_come_again_changes_nothing_without_retries() -> None:
    subject = failing(RetryPolicy(kind=RetryKind.NONE))
    assert after_attempt(subject, occurrence(subject), failed(retry_after=MINUTE)) == Finished(faulted=True)


def test_a_retry_waits_as_long_as_the_target_asks() -> None:
    subject = failing(FIXED)
    following = after_attempt(subject, occurrence(subject), failed(retry_after=7 * MINUTE))
    assert isinstance(following, Next)
    assert following.fire_at == NOON + 7 * MINUTE


def test_without_a_window_an_occurrence_starts_when_it_is_due() -> None:
    assert start_within(timedelta(0), NOON, "one") == NOON


def test_starts_are_spread_evenly_over_the_window_the_same_each_time() -> None:
    ids = [occurrence_id("uid", NOON + number * MINUTE) for number in range(2000)]
    starts = [start_within(HOUR, NOON, one) for one in ids]
    assert all(NOON <= start < NOON + HOUR for start in starts)
    assert starts == [start_within(HOUR, NOON, one) for one in ids]
    for quarter in range(4):
        inside = [start for start in starts if quarter * HOUR / 4 <= start - NOON < (quarter + 1) * HOUR / 4]
        assert 400 < len(inside) < 600


@given(st.text(), st.integers())
def test_a_fraction_is_never_the_whole(seed: str, number: int) -> None:
    assert 0 <= fraction(seed, number) < 1
