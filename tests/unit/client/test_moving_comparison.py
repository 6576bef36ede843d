"""Whether what is wanted is there already."""

from typing import Any

import pytest

from services.client.moving.comparison import same_collection, same_job

CALL = {"uri": "http://x.example"}
JOB: dict[str, Any] = {"action": {"request": CALL}}
STORED: dict[str, Any] = {
    "name": "j",
    "collection": "c",
    "state": "enabled",
    "action": {"type": "Http", "request": {**CALL, "method": "GET"}},
    "overlap": "Skip",
    "catchUp": "RunOnce",
    "catchUpWindow": "PT1H",
    "timeout": "PT1M",
    "status": {"executionCount": 3},
    "updatedAt": "2026-01-01T00:00:00Z",
}


def test_defaults_and_what_only_the_scheduler_writes_make_no_difference() -> None:
    assert same_job(JOB, STORED)
    assert same_job({**JOB, "timeout": "00:01:00", "tags": {}, "placement": None}, STORED)


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        (None, "completed"),
        ("Enabled", "faulted"),
        ("Completed", "disabled"),
        ("Faulted", "faulted"),
        ("DISABLED", "disabled"),
    ],
)
def test_a_job_that_has_run_to_its_end_is_the_same(wanted: str | None, there: str) -> None:
    assert same_job({**JOB, "state": wanted}, {**STORED, "state": there})


@pytest.mark.parametrize(("wanted", "there"), [("Disabled", "completed"), ("Disabled", "enabled"), (None, "disabled")])
def test_other_states_differ(wanted: str | None, there: str) -> None:
    assert not same_job({**JOB, "state": wanted}, {**STORED, "state": there})


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("2026-07-01T10:00:00.1239Z", "2026-07-01T10:00:00.123Z"),
        ("2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z"),
        ("2026-07-01T12:00:00", "2026-07-01T10:00:00Z"),
    ],
)
def test_an_instant_is_the_same_however_written(wanted: str, there: str) -> None:
    rule = {"cron": "* * * * *", "timeZone": "Europe/Berlin"}
    left = {**JOB, "startTime": wanted, "recurrence": rule}
    assert same_job(left, {**STORED, "startTime": there, "recurrence": rule})


def test_a_rule_is_the_same_however_written() -> None:
    left = {"hours": 5, "monthlyOccurrences": [{"day": "Friday", "occurrence": 1}]}
    right = {"hours": [5], "monthlyOccurrences": [{"day": "friday", "Occurrence": 1}]}
    assert same_job(
        {**JOB, "recurrence": {"frequency": "MONTH", "schedule": left}},
        {**STORED, "recurrence": {"frequency": "month", "interval": 1, "schedule": right}},
    )


def test_policies_are_the_same_however_written() -> None:
    none = {"retryType": "None", "retryCount": 9}
    there = {**STORED["action"], "retryPolicy": {"retryType": "none"}}
    assert same_job({"action": {"request": CALL, "retryPolicy": none}}, {**STORED, "action": there})
    growing = {"retryType": "EXPONENTIAL"}
    there = {**STORED["action"], "retryPolicy": {"retryType": "exponential", "retryInterval": "PT30S", "retryCount": 4}}
    assert same_job({"action": {"request": CALL, "retryPolicy": growing}}, {**STORED, "action": there})
    assert not same_job({**JOB, "flexibleWindow": "PT5M"}, STORED)
    assert same_job({**JOB, "flexibleWindow": "PT0S"}, STORED)
    assert same_job(
        {**JOB, "maintenance": {"byType": {"reboot": {"leadTime": "00:05"}}}},
        {**STORED, "maintenance": {"byType": {"Reboot": {"leadTime": "PT5M"}}}},
    )
    assert same_job(
        {**JOB, "maintenance": {"leadTime": "AUTO", "bySource": {"user": {}}, "byDuration": [{"upTo": "00:01:00"}]}},
        {**STORED, "maintenance": {"leadTime": "auto", "byDuration": [{"upTo": "PT1M"}]}, "resolved": {}},
    )


def test_the_usual_choice_of_a_host_need_not_be_written() -> None:
    placed = {"pool": "db", "choice": "spread"}
    assert same_job({**JOB, "placement": placed}, {**STORED, "placement": {"pool": "db"}})
    assert not same_job({**JOB, "placement": {"pool": "db", "choice": "Random"}}, {**STORED, "placement": placed})


@pytest.mark.parametrize(
    "changes",
    [
        {"timeout": "PT2M"},
        {"tags": {"a": "B"}},
        {"recurrence": {"frequency": "Day"}},
        {"startTime": "never"},
        {"action": {"request": {"uri": "http://X.example"}}},
        {"action": {"request": {**CALL, "headers": {"a": "b"}}}},
        {"action": 5},
    ],
)
def test_documents_that_differ_are_not_the_same(changes: dict[str, Any]) -> None:
    assert not same_job({**JOB, **changes}, STORED)


def test_collections_are_compared_with_their_defaults() -> None:
    stored = {"name": "c", "state": "Enabled", "sku": {"name": "Unlimited"}, "createdAt": "x"}
    assert same_collection({}, stored)
    assert not same_collection({"sku": {"name": "Free"}}, stored)
    hourly = {"frequency": "hour", "interval": 1}
    wanted = {"quota": {"maxRecurrence": {"frequency": "Hour"}}}
    assert same_collection(wanted, {**stored, "quota": {"maxRecurrence": hourly}})
