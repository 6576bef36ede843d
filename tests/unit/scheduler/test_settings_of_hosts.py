"""Settings of capacity and warm-up: what is taken, and what is refused with the way out."""

import pytest

from services.scheduler.fleet.rules import FleetRules
from services.scheduler.settings import Settings
from shared.settings import SettingsError, load


def test_hosts_have_no_limit_and_half_a_minute_to_warm_up_unless_said_otherwise() -> None:
    rules = FleetRules.of(load(Settings, {}, []))
    assert (rules.capacity, rules.warm_up.total_seconds()) == (0, 30)


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("LEEWARD_HOST_CAPACITY", "-1", "use 0 (any number) or more"),
        ("LEEWARD_WARM_UP_SECONDS", "-1", "use 0 (not at all) to 86400"),
        ("LEEWARD_WARM_UP_SECONDS", "86401", "use 0 (not at all) to 86400"),
    ],
)
def test_a_capacity_or_warm_up_that_cannot_be_is_refused(variable: str, value: str, advice: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(Settings, {variable: value}, [])
    assert advice in str(refused.value)


@pytest.mark.parametrize("rate", ["-1", "0.001"])
def test_a_rate_of_releases_that_would_keep_all_waiting_is_refused(rate: str) -> None:
    with pytest.raises(SettingsError, match=r"use 0 \(all at once\), or 0\.01 or more"):
        load(Settings, {"LEEWARD_RELEASE_RATE": rate}, [])


def test_releases_go_twenty_a_second_at_each_host_unless_said_otherwise() -> None:
    assert load(Settings, {}, []).release_rate == 20
    assert load(Settings, {"LEEWARD_RELEASE_RATE": "0"}, []).release_rate == 0
