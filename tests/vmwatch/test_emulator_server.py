"""The emulator answers as the reference says Azure does."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from services.vmwatch.emulator.fleet import Fleet, Vm
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from tests.parts.watching import TurnedClock, emulator

METADATA = {"Metadata": "true"}
NEWEST = {"api-version": "2020-07-01"}
REBOOT = {"type": "Reboot", "resources": ["db-0"], "noticeSeconds": 300, "durationSeconds": 20, "source": "User"}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain client."""
    async with aiohttp.ClientSession() as session:
        yield session


async def read(http: aiohttp.ClientSession, imds: Emulator, vm: str = "db-0", **query: str) -> dict[str, Any]:
    url = f"{imds.url(vm)}/metadata/scheduledevents"
    async with http.get(url, params=NEWEST | query, headers=METADATA) as response:
        assert response.status == 200
        document: dict[str, Any] = await response.json()
        return document


async def order(http: aiohttp.ClientSession, imds: Emulator, method: str, path: str, body: object = None) -> Any:
    async with http.request(method, f"{imds.control_url}/control/{path}", json=body) as response:
        answer = await response.json() if response.content_type == "application/json" else None
        return response.status, answer


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (NEWEST, METADATA, 200),
        (NEWEST, {}, 400),
        (NEWEST, {"Metadata": "false"}, 400),
        (NEWEST, METADATA | {"X-Forwarded-For": "10.0.0.9"}, 400),
        ({}, METADATA, 400),
        ({"api-version": "2025-04-07"}, METADATA, 400),
        ({"api-version": "{latest}"}, METADATA, 400),
        ([("api-version", "2020-07-01"), ("api-version", "2020-07-01")], METADATA, 400),
        ({"api-version": "2017-03-01"}, {}, 200),
    ],
)
async def test_a_request_is_admitted_or_refused_as_on_azure(
    http: aiohttp.ClientSession, query: Any, headers: dict[str, str], status: int
) -> None:
    async with emulator() as imds:
        url = f"{imds.url('db-0')}/metadata/scheduledevents"
        async with http.get(url, params=query, headers=headers) as response:
            assert response.status == status
        async with http.delete(url, params=NEWEST, headers=METADATA) as response:
            assert response.status == 405


async def test_all_vms_of_a_group_see_one_document_and_a_stranger_is_not_found(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        status, event = await order(http, imds, "POST", "events", REBOOT)
        assert (status, event["id"]) == (201, "EVENT-1")
        seen = [await read(http, imds, vm) for vm in ("db-0", "db-1", "WEB-0")]
        assert seen[0] == seen[1] == seen[2]
        assert seen[0]["Events"][0]["Resources"] == ["db-0"]
        async with http.get(f"{imds.url('db-9')}/metadata/scheduledevents", headers=METADATA) as response:
            assert response.status == 404


async def test_groups_do_not_see_each_other(http: aiohttp.ClientSession) -> None:
    fleet = Fleet(vms=(Vm(name="db-0", placement_group="a"), Vm(name="web-0", placement_group="b")))
    async with emulator(fleet=fleet) as imds:
        await order(http, imds, "POST", "events", REBOOT)
        assert (await read(http, imds, "web-0"))["Events"] == []
        status, answer = await order(http, imds, "POST", "events", REBOOT | {"resources": ["db-0", "web-0"]})
        assert status == 400
        assert "one placement group" in answer["error"]


@pytest.mark.parametrize(
    ("version", "absent", "resource"),
    [
        ("2017-03-01", {"Description", "EventSource", "DurationInSeconds"}, "_db-0"),
        ("2017-08-01", {"Description", "EventSource", "DurationInSeconds"}, "db-0"),
        ("2019-04-01", {"EventSource", "DurationInSeconds"}, "db-0"),
        ("2019-08-01", {"DurationInSeconds"}, "db-0"),
        ("2020-07-01", set(), "db-0"),
    ],
)
async def test_older_versions_show_less(
    http: aiohttp.ClientSession, version: str, absent: set[str], resource: str
) -> None:
    async with emulator() as imds:
        await order(http, imds, "POST", "events", REBOOT)
        (event,) = (await read(http, imds, **{"api-version": version}))["Events"]
        assert {"Description", "EventSource", "DurationInSeconds"} - event.keys() == absent
        assert event["Resources"] == [resource]


async def test_older_versions_do_not_know_preempt_and_terminate(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        for kind in ("Preempt", "Terminate"):
            await order(http, imds, "POST", "events", {"type": kind, "resources": ["db-0"]})
        shown = {
            version: [event["EventType"] for event in (await read(http, imds, **{"api-version": version}))["Events"]]
            for version in ("2017-08-01", "2017-11-01", "2019-01-01")
        }
        assert list(shown.values()) == [[], ["Preempt"], ["Preempt", "Terminate"]]


async def test_an_event_lives_from_its_announcement_over_the_approval_to_its_end(http: aiohttp.ClientSession) -> None:
    clock = TurnedClock()
    async with emulator(clock=clock) as imds:
        _, event = await order(http, imds, "POST", "events", REBOOT)
        assert (await read(http, imds))["Events"][0]["NotBefore"] == "Mon, 20 Apr 2026 12:05:00 GMT"
        approval = {"StartRequests": [{"EventId": event["id"].lower()}]}
        url = f"{imds.url('db-1')}/metadata/scheduledevents"
        for _ in range(2):
            async with http.post(url, params=NEWEST, headers=METADATA, json=approval) as response:
                assert response.status == 200
            clock.turn(1)
        (started,) = (await read(http, imds))["Events"]
        assert (started["EventId"], started["EventStatus"], started["NotBefore"]) == (event["id"], "Started", "")
        clock.turn(20)
        assert (await read(http, imds)) == {"DocumentIncarnation": 4, "Events": []}
        _, state = await order(http, imds, "GET", "state")
        assert [(entry["vm"], entry["status"]) for entry in state["approvals"]] == [
            ("db-1", "Scheduled"),
            ("db-1", "Started"),
        ]
        assert state["endings"][0]["outcome"] == "completed"


@pytest.mark.parametrize("body", ["", "{}", '{"StartRequests":{}}', '{"StartRequests":[{"EventId":"NOBODY"}]}'])
async def test_a_wrong_approval_is_a_bad_request(http: aiohttp.ClientSession, body: str) -> None:
    async with emulator() as imds:
        url = f"{imds.url('db-0')}/metadata/scheduledevents"
        async with http.post(url, params=NEWEST, headers=METADATA, data=body) as response:
            assert response.status == 400


async def test_events_are_steered_by_the_control_api(http: aiohttp.ClientSession) -> None:
    async with emulator(clock=TurnedClock()) as imds:
        await order(http, imds, "POST", "events", REBOOT | {"id": "a"})
        _, moved = await order(http, imds, "PATCH", "events/a", {"noticeSeconds": 10})
        assert moved["notBefore"] == "2026-04-20T12:00:10Z"
        assert (await order(http, imds, "POST", "events/a/start"))[1]["status"] == "Started"
        assert (await order(http, imds, "POST", "events/a/cancel"))[0] == 400
        assert (await order(http, imds, "POST", "events/a/finish"))[0] == 204
        assert (await order(http, imds, "POST", "events/a/finish"))[0] == 404
        assert (await order(http, imds, "POST", "events", REBOOT | {"notice": 5}))[0] == 400
        await order(http, imds, "PUT", "incarnation", {"value": 1})
        assert (await read(http, imds))["DocumentIncarnation"] == 1


async def test_a_vm_is_told_who_it_is(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        url = f"{imds.url('db-1')}/metadata/instance"
        async with http.get(url, params={"api-version": "2021-05-01"}, headers=METADATA) as response:
            compute = (await response.json())["compute"]
        assert (compute["name"], compute["placementGroupId"]) == ("db-1", "fleet")
        assert compute["tagsList"] == [{"name": "leeward-pools", "value": "db"}]
        async with http.get(url, params=NEWEST, headers=METADATA) as response:
            assert "newest-versions" in await response.json()
        async with http.get(f"{imds.url('db-1')}/metadata/versions", headers=METADATA) as response:
            assert "2020-07-01" not in (await response.json())["apiVersions"]


async def test_without_a_prefix_the_first_vm_asks(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        url = f"{imds.control_url}/metadata/instance"
        async with http.get(url, params={"api-version": "2021-05-01"}, headers=METADATA) as response:
            assert (await response.json())["compute"]["name"] == "db-0"


async def test_the_limits_of_azure_can_be_switched_on(http: aiohttp.ClientSession) -> None:
    async with emulator(clock=TurnedClock(), options=Options(requests_per_second=2, etag=True)) as imds:
        url = f"{imds.url('db-0')}/metadata/scheduledevents"
        async with http.get(url, params=NEWEST, headers=METADATA) as response:
            etag = response.headers["ETag"]
        async with http.get(url, params=NEWEST, headers=METADATA | {"If-None-Match": etag}) as response:
            assert response.status == 304
        async with http.get(url, params=NEWEST, headers=METADATA) as response:
            assert response.status == 429
