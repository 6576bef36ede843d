"""Waiting before another attempt."""

from random import Random

import pytest

from shared.retry import Backoff


class Highest(Random):
    """Always draws the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_ceiling_doubles_up_to_the_limit_and_starts_again_after_success() -> None:
    backoff = Backoff(first=0.1, limit=0.5, random=Highest())
    assert [backoff.next() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    backoff.reset()
    assert backoff.next() == 0.1


def test_delays_spread_over_the_whole_range() -> None:
    backoff = Backoff(first=1, limit=1, random=Random(4))
    delays = [backoff.next() for _ in range(200)]
    assert min(delays) < 0.1
    assert 0.9 < max(delays) <= 1


@pytest.mark.parametrize(("first", "limit"), [(0, 1), (-1, 1), (2, 1)])
def test_a_back_off_that_cannot_be_is_refused(first: float, limit: float) -> None:
    with pytest.raises(ValueError, match="first"):
        Backoff(first=first, limit=limit)
