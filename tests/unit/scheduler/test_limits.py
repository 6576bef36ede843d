"""The setting that changes limits."""

from datetime import timedelta

import pytest

from services.scheduler.domain.collections import Sku
from services.scheduler.domain.limits import AZURE_LIMITS, read_limits
from services.scheduler.settings import Settings


def test_nothing_changed_is_azure() -> None:
    assert read_limits([]) == AZURE_LIMITS


def test_each_limit_can_be_changed_alone() -> None:
    changes = ["free.Jobs=7", "P20Premium.collections = any", "Standard.recurrence=00:00:10", "Size.body=100"]
    limits = read_limits(changes)
    assert limits.plans[Sku.FREE].max_jobs == 7
    assert limits.plans[Sku.P20_PREMIUM].max_collections is None
    assert limits.plans[Sku.STANDARD].fastest_recurrence == timedelta(seconds=10)
    assert limits.plans[Sku.STANDARD].max_jobs == AZURE_LIMITS.plans[Sku.STANDARD].max_jobs
    assert (limits.sizes.body, limits.sizes.uri) == (100, 2048)


def test_all_faults_come_together_and_say_what_to_write() -> None:
    with pytest.raises(ValueError, match="begin with one of Free") as caught:
        read_limits(["Gold.jobs=1", "Free.cats=1", "Free.jobs=0", "Size.uri=any", "Free.retry=soon", "Free"])
    assert len(caught.value.args) == 6
    assert "write a number from 1" in caught.value.args[2]
    assert "write ISO 8601" in caught.value.args[4]


def test_the_setting_names_itself_in_its_faults() -> None:
    with pytest.raises(ValueError, match=r"limits=Gold.jobs=1: begin with"):
        Settings(limits=("Gold.jobs=1",))
    with pytest.raises(ValueError, match="use 0"):
        Settings(burst_reads=-1)
