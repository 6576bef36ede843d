"""Whole days of random events and troubles, small enough for every run; `python -m tests.simulation.day` lives more."""

import asyncio
from datetime import timedelta
from functools import cache

import pytest

from tests.simulation.day.day import Day, Plan, live
from tests.simulation.day.mischief import KINDS
from tests.simulation.world import Size

SMALL = Plan(
    size=Size(
        groups=2,
        hosts=3,
        domains=3,
        jobs=12,
        span=timedelta(hours=24),
        rhythms=((timedelta(minutes=10), 0.5), (timedelta(hours=1), 0.5)),
    ),
    events=110,
    troubles=50,
)
SEEDS = (1, 3)


@cache
def lived(seed: int) -> Day:
    """Return what came of a day; each is lived once."""
    return asyncio.run(live(SMALL, seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_hold_outlives_its_reason_no_approval_comes_too_early_and_no_error_is_read_as_calm(seed: int) -> None:
    assert lived(seed).faults == []


@pytest.mark.parametrize("seed", SEEDS)
def test_the_day_brought_events_of_every_kind_and_troubles_with_reading_them(seed: int) -> None:
    day = lived(seed)
    assert day.done.keys() >= {kind for kind, _ in KINDS}
    assert day.readings["invalid"] > 10 < day.readings["unreachable"]
    assert day.lives > 12
    assert day.approvals > 20


@pytest.mark.parametrize("seed", SEEDS)
def test_jobs_were_held_and_moved_and_all_of_them_have_ended(seed: int) -> None:
    day = lived(seed)
    assert day.on_the_way["held"] > 10 < day.on_the_way["moved"]
    assert sum(day.fates.values()) > 500
