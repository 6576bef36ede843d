"""A small fleet through a whole update: the accounts are right, and what the baseline loses Leeward saves."""

import asyncio
from datetime import timedelta
from functools import cache

import pytest

from tests.simulation.figures import Figures, figures
from tests.simulation.simulation import simulate
from tests.simulation.variants import APPROVED, AUTOMATIC, DEFAULTS, VARIANTS, WITHOUT, Variant
from tests.simulation.world import Size

SMALL = Size(
    groups=2,
    hosts=6,
    domains=3,
    jobs=60,
    span=timedelta(minutes=80),
    stagger=timedelta(minutes=2),
    rhythms=((timedelta(minutes=1), 0.8), (timedelta(minutes=10), 0.2)),
    lost=1,
    failing=1,
)


@cache
def simulated(variant_name: str) -> Figures:
    """Return what came of a small simulation; each is made once."""
    variant = next(each for each in VARIANTS if each.name == variant_name)
    return figures(asyncio.run(simulate(variant, SMALL, seed=1)))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_nothing_happens_that_never_should(variant: Variant) -> None:
    assert simulated(variant.name).faults == []


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_due_occurrence_is_in_one_account(variant: Variant) -> None:
    found = simulated(variant.name)
    assert found.unaccounted == 0
    assert found.due == found.done + found.failed + sum(found.reasons.values()) > 2_000


def test_the_same_occurrences_are_due_whatever_the_policy() -> None:
    assert len({simulated(variant.name).due for variant in VARIANTS}) == 1


def test_without_leeward_executions_are_lost_that_it_saves() -> None:
    without, saved = simulated(WITHOUT.name), simulated(DEFAULTS.name)
    assert without.failed > 10 * max(1, saved.failed_heeding)
    assert without.held == without.moved == 0 < saved.held


def test_early_approval_makes_the_update_shorter_and_fewer_late() -> None:
    waiting, approved = simulated(DEFAULTS.name), simulated(APPROVED.name)
    assert approved.wait < 5 < waiting.wait
    assert approved.length < 0.7 * waiting.length
    assert approved.late < waiting.late


def test_jobs_that_know_how_long_they_take_use_the_notice() -> None:
    waiting, automatic = simulated(DEFAULTS.name), simulated(AUTOMATIC.name)
    assert automatic.held < 0.7 * waiting.held
    assert automatic.late < waiting.late
    assert automatic.failed_heeding <= waiting.failed_heeding + 2


def test_a_seed_gives_the_same_figures_again() -> None:
    again = figures(asyncio.run(simulate(AUTOMATIC, SMALL, seed=1)))
    assert again == simulated(AUTOMATIC.name)
