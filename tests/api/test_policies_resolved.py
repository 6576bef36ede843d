"""Maintenance policies on three levels: what a collection decides, what applies to a job of them all, and by whom."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from services.scheduler.fleet_policy import read_fleet_policy
from tests.parts.arm import Arm
from tests.parts.fakes_api import Api, a_job, running_api

DEMO, HELLO = "/collections/demo", "/collections/demo/jobs/hello"
FLEET = '{"strategy": "Hold", "lastStanding": "RunOnLeastUrgent", "byType": {"Freeze": {"strategy": "Ignore"}}}'
DEFAULTS = {
    "strategy": "Hold",
    "inFlight": "Wait",
    "atDeadline": "Leave",
    "lastStanding": "HoldAll",
    "onRelease": "RunOnce",
}
FIELDS = (*DEFAULTS, "leadTime")


@pytest.fixture
async def steered() -> AsyncIterator[Api]:
    """The API under an operator who has decided some things."""
    async with running_api(fleet=read_fleet_policy(FLEET), expected=timedelta(seconds=2.5)) as running:
        yield running


async def resolved(api: Api) -> dict[str, Any]:
    document: dict[str, Any] = (await api.call("GET", HELLO)).document["resolved"]
    return document


async def test_where_nobody_decides_everything_comes_from_the_defaults(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    assert await resolved(api) == {"maintenance": {**DEFAULTS, "from": dict.fromkeys(FIELDS, "default")}}
    await api.call("PATCH", HELLO, {"placement": {"pool": "db"}})
    assert (await resolved(api))["maintenance"]["strategy"] == "Reroute"


async def test_the_narrowest_level_answers_each_question_and_is_named(steered: Api) -> None:
    policy = {"leadTime": "auto", "onRelease": "Skip", "strategy": "Reroute"}
    await steered.call("PUT", DEMO, {"maintenance": policy})
    await steered.call("PUT", HELLO, a_job(maintenance={"onRelease": "RunAll"}))
    found = await resolved(steered)
    assert found["expectedDuration"] == "PT2.5S"
    assert {name: found["maintenance"][name] for name in FIELDS} == {
        **DEFAULTS,
        **policy,
        "lastStanding": "RunOnLeastUrgent",
        "onRelease": "RunAll",
    }
    assert found["maintenance"]["from"] == {
        "strategy": "collection",
        "leadTime": "collection",
        "inFlight": "default",
        "atDeadline": "default",
        "lastStanding": "fleet",
        "onRelease": "job",
    }


async def test_each_kind_of_event_that_any_level_tells_apart_is_resolved(steered: Api) -> None:
    by_duration = [{"upTo": "PT1M", "inFlight": "Cancel"}, {"upTo": "PT5S", "strategy": "Ignore"}]
    by_source = {"User": {"leadTime": "PT3M"}}
    await steered.call("PUT", DEMO, {"maintenance": {"bySource": by_source, "byDuration": by_duration}})
    await steered.call("PUT", HELLO, a_job(maintenance={"byType": {"reboot": {"atDeadline": "Move"}}}))
    found = (await resolved(steered))["maintenance"]
    assert {name: (rule["strategy"], rule["atDeadline"]) for name, rule in found["byType"].items()} == {
        "Freeze": ("Ignore", "Leave"),
        "Reboot": ("Hold", "Move"),
    }
    assert found["byType"]["Freeze"]["from"]["strategy"] == "fleet"
    assert found["bySource"]["User"]["leadTime"] == "PT3M"
    assert [(one["upTo"], one["strategy"], one["inFlight"]) for one in found["byDuration"]] == [
        ("PT5S", "Ignore", "Wait"),
        ("PT1M", "Hold", "Cancel"),
    ]


async def test_another_policy_of_the_collection_applies_from_its_answer_on(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    changed = await api.call("PATCH", DEMO, {"maintenance": {"strategy": "Ignore", "byType": {"FREEZE": {}}}})
    assert changed.document["maintenance"] == {"strategy": "Ignore", "byType": {"Freeze": {}}}
    assert (await resolved(api))["maintenance"]["from"]["strategy"] == "collection"
    again = await api.call("PATCH", DEMO, {"maintenance": {"byType": {"freeze": None}, "strategy": None}})
    assert "maintenance" not in again.document
    assert (await resolved(api))["maintenance"]["from"]["strategy"] == "default"


async def test_a_put_of_the_collection_that_says_nothing_takes_its_policy_away(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    await api.call("PUT", DEMO, {"maintenance": {"strategy": "Ignore"}})
    await api.call("PUT", DEMO, {})
    assert (await resolved(api))["maintenance"]["from"]["strategy"] == "default"


async def test_what_is_resolved_is_shown_for_one_job_and_may_be_put_back_without_effect(api: Api) -> None:
    await api.call("PUT", DEMO, {"maintenance": {"strategy": "Ignore"}})
    await api.call("PUT", HELLO, a_job())
    shown = (await api.call("GET", HELLO)).document
    assert (await api.call("PUT", HELLO, {**shown, "resolved": {"maintenance": {"strategy": "Any"}}})).status == 200
    assert (await api.call("GET", HELLO)).document["resolved"] == shown["resolved"]
    listed = (await api.call("GET", f"{DEMO}/jobs")).document["value"]
    assert ["resolved" in job for job in listed] == [False]


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"strategy": "Wait"}, "maintenance.strategy"),
        ({"byDuration": [{"strategy": "Hold"}]}, "maintenance.byDuration[0].upTo"),
        ({"byType": {"Freeze": {"leadTime": "P31D"}}}, "maintenance.byType.Freeze.leadTime"),
        ({"cancel": {"type": "Http"}}, "maintenance.cancel"),
        ({"leadtime": "auto"}, "maintenance.leadtime"),
    ],
)
async def test_a_collections_bad_policy_is_refused_by_field(api: Api, policy: dict[str, Any], field: str) -> None:
    refused = await api.call("PUT", DEMO, {"maintenance": policy})
    assert (refused.status, refused.document["field"]) == (400, field)
    assert "maintenance" not in (await api.call("GET", DEMO)).document


async def test_on_azures_paths_a_policy_is_a_property_and_nothing_is_resolved(api: Api) -> None:
    arm = Arm(api)
    body = {"location": "North Europe", "properties": {"Maintenance": {"LeadTime": "auto", "byType": {"freeze": {}}}}}
    put = await arm.call("PUT", "/jc", body)
    assert put.document["properties"]["maintenance"] == {"leadTime": "auto", "byType": {"Freeze": {}}}
    assert (await arm.put_job("hello", resolved={"maintenance": {}})).status == 201
    assert "resolved" not in (await arm.call("GET", "/jc/jobs/hello")).document["properties"]


async def test_the_audit_log_tells_what_a_policy_was_and_is(api: Api) -> None:
    await api.call("PATCH", DEMO, {"maintenance": {"byDuration": [{"upTo": "PT9S", "strategy": "Ignore"}]}})
    [entry, *_] = (await api.call("GET", "/audit")).document["value"]
    assert "maintenance" not in entry["before"]
    assert entry["after"]["maintenance"] == {"byDuration": [{"strategy": "Ignore", "upTo": "PT9S"}]}
