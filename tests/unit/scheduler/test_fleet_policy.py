"""LEEWARD_MAINTENANCE: the operator's policy, read whole at the start, its faults named by field."""

from datetime import timedelta

import pytest

from services.scheduler.domain.policies import (
    AUTO,
    NO_MAINTENANCE,
    DurationRule,
    Maintenance,
    MaintenanceRule,
    OnRelease,
    Strategy,
)
from services.scheduler.fleet_policy import read_fleet_policy
from services.scheduler.settings import Settings
from shared.settings import SettingsError, load


def test_an_operator_who_says_nothing_decides_nothing() -> None:
    assert read_fleet_policy(load(Settings, {}).maintenance) == NO_MAINTENANCE


def test_a_policy_of_the_fleet_is_written_like_a_jobs() -> None:
    text = """{"leadTime": "auto", "byType": {"Freeze": {"strategy": "Ignore"}},
        "bySource": {"User": {"onRelease": "RunAll"}}, "byDuration": [{"upTo": "PT10S", "leadTime": "PT0S"}]}"""
    assert read_fleet_policy(load(Settings, {"LEEWARD_MAINTENANCE": text}).maintenance) == Maintenance(
        rule=MaintenanceRule(lead_time=AUTO),
        by_type={"freeze": MaintenanceRule(strategy=Strategy.IGNORE)},
        by_source={"user": MaintenanceRule(on_release=OnRelease.RUN_ALL)},
        by_duration=(DurationRule(up_to=timedelta(seconds=10), rule=MaintenanceRule(lead_time=timedelta(0))),),
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"strategy": "Wait"}', "strategy: 'Wait' is none of Reroute, Hold, Ignore"),
        ('{"leadtime": "auto"}', "leadtime: unknown field; did you mean 'leadTime'"),
        ('{"byType": {"Freeze": {"leadTime": "P31D"}}}', "byType.Freeze.leadTime: is too long"),
        ('{"byDuration": [{"strategy": "Hold"}]}', r"byDuration\[0\].upTo: is required"),
        ('{"cancel": {"type": "Http"}}', "cancel: unknown field"),
        ("Hold", "write a JSON object, such as"),
        ("[1]", "write a JSON object, such as"),
    ],
)
def test_what_is_wrong_in_it_is_named_at_the_start(text: str, what: str) -> None:
    with pytest.raises(SettingsError, match=f"^LEEWARD_MAINTENANCE: {what}"):
        read_fleet_policy(text)
