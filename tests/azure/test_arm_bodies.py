"""Bodies on ARM's mount: what is ignored, what removes, what is refused, and that refusals change nothing."""

from typing import Any

import pytest

from tests.parts.arm import Arm
from tests.parts.fakes_api import every

REQUEST = {"uri": "http://db-0/", "method": "GET"}


def job(**properties: Any) -> dict[str, Any]:
    return {"properties": {"action": {"type": "Http", "request": REQUEST}, **properties}}


async def test_unknown_fields_are_ignored_at_every_level(arm: Arm) -> None:
    body = job(recurrence={**every(5), "lunar": True}, colour="red")
    reply = await arm.call("PUT", "/jc/jobs/j", {**body, "etag": "1", "kind": {}})
    assert reply.status == 201
    assert reply.document["properties"]["recurrence"] == {"frequency": "minute", "interval": 5}


async def test_read_only_fields_in_a_body_are_ignored(arm: Arm) -> None:
    body = {**job(status={"executionCount": 9}, state="Disabled"), "id": "/other", "type": "x", "name": "other"}
    reply = await arm.call("PUT", "/jc/jobs/j", body)
    assert (reply.status, reply.document["name"]) == (201, "jc/j")
    got = await arm.call("PUT", "/jc/jobs/j", reply.document)
    assert (got.status, got.document) == (200, reply.document)


async def test_fields_are_read_in_any_case_as_dot_net_does(arm: Arm) -> None:
    body = {"Properties": {"Action": {"Type": "HTTP", "Request": {"URI": "http://db-0/", "Headers": {"X-A": "1"}}}}}
    created = await arm.call("PUT", "/jc/jobs/j", body)
    assert created.document["properties"]["action"]["request"]["headers"] == {"X-A": "1"}
    patched = await arm.call("PATCH", "/jc/jobs/j", {"properties": {"RECURRENCE": {"Frequency": "hour"}}})
    assert patched.document["properties"]["recurrence"] == {"frequency": "hour", "interval": 1}


async def test_explicit_nulls_remove(arm: Arm) -> None:
    await arm.call("PUT", "/jc/jobs/j", job(recurrence=every(5, count=3), startTime="2027-01-01T00:00:00Z"))
    fewer = await arm.call("PATCH", "/jc/jobs/j", {"properties": {"recurrence": {"count": None}}})
    assert fewer.document["properties"]["recurrence"] == {"frequency": "minute", "interval": 5}
    none = await arm.call("PATCH", "/jc/jobs/j", {"properties": {"recurrence": None, "startTime": None}})
    assert {"recurrence", "startTime"}.isdisjoint(none.document["properties"])


async def test_nulls_in_a_put_are_what_absent_fields_are(arm: Arm) -> None:
    request = {**REQUEST, "headers": None, "authentication": None}
    body = {"properties": {"action": {"type": "Http", "request": request, "queueMessage": None}, "tags": None}}
    assert (await arm.call("PUT", "/jc/jobs/j", body)).status == 201
    assert (await arm.call("PUT", "/jc", {"tags": None, "properties": {"quota": None}})).status == 200


async def test_authentication_is_read_however_it_is_spelled(arm: Arm) -> None:
    secret = {"Type": "basic", "UserName": "me", "PASSWORD": "secret"}
    for name in ("authentication", "Authentication", "AUTHENTICATION"):
        body = job(action={"type": "Https", "request": {"uri": "https://db-0/", "method": "GET", name: secret}})
        reply = await arm.call("PUT", "/jc/jobs/j", body)
        assert reply.status in (200, 201)
        assert reply.document["properties"]["action"]["request"]["authentication"] == {
            "type": "Basic",
            "username": "me",
        }
    body = {"properties": {"action": {"request": {"Authentication": None}}}}
    reply = await arm.call("PATCH", "/jc/jobs/j", body)
    assert (reply.status, "authentication" in reply.document["properties"]["action"]["request"]) == (200, False)


async def test_tags_and_location_of_a_collection_stand_beside_its_properties(arm: Arm) -> None:
    reply = await arm.call("PATCH", "/jc", {"tags": {"a": "1"}, "location": "east us 2"})
    assert (reply.document["tags"], reply.document["location"]) == ({"a": "1"}, "East US 2")
    removed = await arm.call("PATCH", "/jc", {"tags": {"a": None}})
    assert "tags" not in removed.document


async def test_a_suspended_collection_keeps_its_jobs_from_running(arm: Arm) -> None:
    await arm.call("PUT", "/jc/jobs/j", job(recurrence=every(5)))
    suspended = await arm.call("PATCH", "/jc", {"properties": {"state": "suspended"}})
    assert suspended.document["properties"]["state"] == "Suspended"
    shown = (await arm.call("GET", "/jc/jobs/j")).document["properties"]
    assert (shown["state"], "status" in shown) == ("disabled", False)
    await arm.call("POST", "/jc/enable")
    assert (await arm.call("GET", "/jc/jobs/j")).document["properties"]["state"] == "enabled"


async def test_only_jobs_that_were_enabled_are_so_again_with_their_collection(arm: Arm) -> None:
    await arm.call("PUT", "/jc/jobs/on", job(recurrence=every(5)))
    await arm.call("PUT", "/jc/jobs/off", job(recurrence=every(5), state="Disabled"))
    await arm.call("POST", "/jc/disable")
    closed = await arm.call("GET", "/jc/jobs?$filter=state eq Disabled")
    assert [one["name"] for one in closed.document["value"]] == ["jc/off", "jc/on"]
    await arm.call("POST", "/jc/enable")
    enabled = await arm.call("GET", "/jc/jobs?$filter=state eq Enabled")
    assert [one["name"] for one in enabled.document["value"]] == ["jc/on"]


async def test_a_run_asked_for_twice_with_one_request_id_happens_once(arm: Arm) -> None:
    await arm.call("PUT", "/jc/jobs/j", job(startTime="2027-01-01T00:00:00Z"))
    for _ in range(3):
        assert (await arm.call("POST", "/jc/jobs/j/run", x_ms_client_request_id="r-1")).status == 200
    gauges = await arm.api.services.store.gauges(arm.api.services.clock.now())
    assert gauges.occurrences == {"ready": 1}


async def test_the_extensions_work_here_too_and_show_only_when_used(arm: Arm) -> None:
    more = {"overlap": "Allow", "timeout": "PT5M", "tags": {"team": "a"}, "placement": {"pool": "db"}}
    reply = await arm.call("PUT", "/jc/jobs/j", job(recurrence={"cron": "0 5 * * 1"}, **more))
    shown = reply.document["properties"]
    assert {name: shown[name] for name in more} == more
    plain = (await arm.call("PUT", "/jc/jobs/k", job(state="Disabled"))).document["properties"]
    assert plain.keys() == {"action", "state"}


REFUSED: list[tuple[object, str, str]] = [
    ({}, "BadRequest", "action"),
    ({"properties": []}, "BadRequest", "properties"),
    (b"{", "InvalidXmlRequest", ""),
    (b"[]", "InvalidXmlRequest", ""),
    (job(recurrence=every("5")), "BadRequest", "recurrence.interval"),  # type: ignore[arg-type]
    (job(recurrence=every(5, schedule={"weekDays": ["monday"]})), "BadRequest", "recurrence.schedule.weekDays"),
    (job(startTime="tomorrow"), "BadRequest", "startTime"),
    (job(startTime="9999-12-31T23:59:59Z", recurrence=every(5)), "BadRequest", "startTime"),
    (job(startTime="0001-01-01T00:00:00+05:00"), "BadRequest", "startTime"),
    (job(state="Completed"), "BadRequest", "state"),
    (job(state="Paused"), "BadRequest", "state"),
    (job(action={"type": "Http", "request": {"uri": "ftp://db-0/"}}), "BadRequest", "action.request.uri"),
    (
        job(action={"type": "Http", "request": {**REQUEST, "body": "ä" * 7000 + "b" * 1193}}),
        "BadRequest",
        "action.request.body",
    ),
    (job(tags={str(i): "x" * 256 for i in range(70)}), "BadRequest", ""),
    (job(padding="x" * 300_000), "BadRequest", ""),
    (job(tags={"\0": "a"}), "BadRequest", "tags"),
    (
        job(action={"type": "StorageQueue", "queueMessage": {}}),
        "BadRequest",
        "action.queueMessage.storageAccount",
    ),
    (
        job(action={"type": "Http", "request": REQUEST, "errorAction": {"type": "ServiceBusTopic"}}),
        "BadRequest",
        "action.errorAction.serviceBusTopicMessage",
    ),
    (
        job(action={"type": "Http", "request": {**REQUEST, "authentication": {"type": "Basic"}}}),
        "BadRequest",
        "action.request.authentication.username",
    ),
]


@pytest.mark.parametrize(("body", "code", "target"), REFUSED)
async def test_bad_input_gets_the_documented_error_and_changes_nothing(
    arm: Arm, body: object, code: str, target: str
) -> None:
    await arm.call("PUT", "/jc/jobs/old", job(recurrence=every(5)))
    before = (await arm.call("GET", "/jc/jobs")).document
    for name in ("new", "old"):
        reply = await arm.call("PUT", f"/jc/jobs/{name}", body)
        error = reply.document["error"]
        assert (reply.status, error["code"]) == (400, code), error
        assert error.get("target", "") == target or not target
    assert (await arm.call("GET", "/jc/jobs")).document == before


async def test_a_plan_is_a_conflict(arm: Arm) -> None:
    for number in range(50):
        assert (await arm.call("PUT", f"/jc/jobs/j{number}", job(state="Disabled"))).status == 201
    reply = await arm.call("PUT", "/jc/jobs/one-more", job())
    assert (reply.status, reply.document["error"]["code"]) == (409, "ConflictError")
