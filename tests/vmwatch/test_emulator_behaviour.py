"""What Azure does besides answering: as the reference's list for emulators has it, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from services.vmwatch.emulator import unverified
from services.vmwatch.emulator.events import Approvals, Draft, Habits
from services.vmwatch.emulator.faults import Fault, FaultKind
from services.vmwatch.emulator.fleet import Fleet, Sees, Vm
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from tests.parts.watching import TurnedClock, emulator

METADATA = {"Metadata": "true"}
NEWEST = {"api-version": "2020-07-01"}


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain client."""
    async with aiohttp.ClientSession(headers=METADATA) as session:
        yield session


async def read(http: aiohttp.ClientSession, imds: Emulator, vm: str = "db-0") -> dict[str, Any]:
    async with http.get(f"{imds.url(vm)}/metadata/scheduledevents", params=NEWEST) as response:
        assert response.status == 200
        document: dict[str, Any] = await response.json()
        return document


async def approve(http: aiohttp.ClientSession, imds: Emulator, vm: str, *ids: str) -> int:
    wanted = {"StartRequests": [{"EventId": event_id} for event_id in ids]}
    async with http.post(f"{imds.url(vm)}/metadata/scheduledevents", params=NEWEST, json=wanted) as response:
        return response.status


async def order(http: aiohttp.ClientSession, imds: Emulator, path: str, body: object = None) -> int:
    async with http.post(f"{imds.control_url}/control/{path}", json=body) as response:
        return response.status


async def statuses(http: aiohttp.ClientSession, imds: Emulator) -> dict[str, str]:
    return {event["EventId"]: event["EventStatus"] for event in (await read(http, imds))["Events"]}


@pytest.mark.parametrize("version", ["2017-03-01", "2020-07-01"])
async def test_a_forwarded_request_is_rejected_in_every_version(http: aiohttp.ClientSession, version: str) -> None:
    async with emulator() as imds:
        url, forwarded = f"{imds.url('db-0')}/metadata/scheduledevents", {"X-Forwarded-For": "10.0.0.9"}
        async with http.get(url, params={"api-version": version}, headers=forwarded) as response:
            assert response.status == unverified.FORWARDED_STATUS


async def test_any_query_parameter_given_twice_is_rejected(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        twice = [("api-version", "2021-05-01"), ("format", "json"), ("format", "json")]
        async with http.get(f"{imds.url('db-0')}/metadata/instance", params=twice) as response:
            assert response.status == 400
            assert "twice" in (await response.json())["error"]


async def test_an_approval_is_taken_whatever_its_content_type(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        event = imds.stage.schedule(Draft(type="Reboot", resources=("db-0",)))
        body = f'{{"StartRequests":[{{"EventId":"{event.id}"}}]}}'
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        url = f"{imds.url('db-0')}/metadata/scheduledevents"
        async with http.post(url, params=NEWEST, data=body, headers=form) as response:
            assert (response.status, await response.read()) == (200, unverified.APPROVAL_BODY)


async def test_one_request_approves_several_events_or_none(http: aiohttp.ClientSession) -> None:
    clock = TurnedClock()
    async with emulator(clock=clock) as imds:
        one, two = (imds.stage.schedule(Draft(type="Reboot", resources=(vm,))).id for vm in ("db-0", "db-1"))
        assert await approve(http, imds, "db-0", one, "NOBODY") == unverified.UNKNOWN_EVENT_STATUS
        clock.turn(2)
        assert await statuses(http, imds) == {one: "Scheduled", two: "Scheduled"}
        assert await approve(http, imds, "db-0", one, two) == 200
        clock.turn(2)
        assert await statuses(http, imds) == {one: "Started", two: "Started"}
        assert await approve(http, imds, "db-0", one) == 200
        imds.stage.finish(one)
        assert await approve(http, imds, "db-0", one) == unverified.UNKNOWN_EVENT_STATUS


async def test_every_vm_of_an_event_must_approve_when_azure_waits_for_all(http: aiohttp.ClientSession) -> None:
    clock = TurnedClock()
    options = Options(habits=Habits(approvals=Approvals.ALL, start_delay=0))
    async with emulator(clock=clock, options=options) as imds:
        event = imds.stage.schedule(Draft(type="Freeze", resources=("db-0", "db-1")))
        for vm in ("db-0", "web-0", "db-0"):
            assert await approve(http, imds, vm, event.id) == 200
            assert await statuses(http, imds) == {event.id: "Scheduled"}
        assert await approve(http, imds, "db-1", event.id) == 200
        assert await statuses(http, imds) == {event.id: "Started"}


async def test_an_approval_from_outside_counts_for_all_vms(http: aiohttp.ClientSession) -> None:
    options = Options(habits=Habits(approvals=Approvals.ALL, start_delay=0))
    async with emulator(options=options) as imds:
        event = imds.stage.schedule(Draft(type="Freeze", resources=("db-0", "db-1")))
        assert await order(http, imds, f"events/{event.id}/approve") == 200
        assert await statuses(http, imds) == {event.id: "Started"}
        assert [approval.vm for approval in imds.stage.approvals()] == ["control plane"]
        assert await order(http, imds, "events/NOBODY/approve") == 404


async def test_an_approved_deletion_waits_for_the_other_vm_s(http: aiohttp.ClientSession) -> None:
    clock = TurnedClock()
    async with emulator(clock=clock) as imds:
        one, two = (imds.stage.schedule(Draft(type="Terminate", resources=(vm,))).id for vm in ("db-0", "db-1"))
        await approve(http, imds, "db-1", two)
        clock.turn(2)
        assert await statuses(http, imds) == {one: "Scheduled", two: "Scheduled"}
        await approve(http, imds, "db-0", one)
        clock.turn(2)
        assert await statuses(http, imds) == {one: "Started", two: "Started"}


async def test_a_gpu_vm_is_told_of_its_own_events_only(http: aiohttp.ClientSession) -> None:
    fleet = Fleet(vms=(Vm(name="gpu-0", sees=Sees.OWN), Vm(name="gpu-1", sees=Sees.OWN)))
    async with emulator(fleet=fleet) as imds:
        event = imds.stage.schedule(Draft(type="Reboot", resources=("gpu-0",)))
        assert len((await read(http, imds, "gpu-0"))["Events"]) == 1
        assert (await read(http, imds, "gpu-1"))["Events"] == []
        assert await approve(http, imds, "gpu-1", event.id) == unverified.UNKNOWN_EVENT_STATUS


async def test_a_vm_without_a_group_has_a_document_of_its_own(http: aiohttp.ClientSession) -> None:
    fleet = Fleet(vms=(Vm(name="db-0", placement_group=""), Vm(name="db-1", placement_group="")))
    async with emulator(fleet=fleet) as imds:
        imds.stage.schedule(Draft(type="Reboot", resources=("db-0",)))
        assert (await read(http, imds, "db-1"))["Events"] == []


async def test_several_events_stand_at_once_unknown_types_and_statuses_among_them(http: aiohttp.ClientSession) -> None:
    async with emulator(clock=TurnedClock()) as imds:
        imds.stage.schedule(Draft(type="Freeze", resources=("db-0",), id="a"))
        imds.stage.schedule(Draft(type="SpotRebalanceRecommendation", resources=("db-0",), id="b", status="Advisory"))
        imds.stage.schedule(Draft(type="Redeploy", resources=("db-1",), id="c", status="Started"))
        assert await statuses(http, imds) == {"A": "Scheduled", "B": "Advisory", "C": "Started"}
        assert [event["NotBefore"] for event in (await read(http, imds))["Events"]] == [
            "Mon, 20 Apr 2026 12:15:00 GMT",
            "Mon, 20 Apr 2026 12:15:00 GMT",
            "",
        ]


async def test_five_requests_a_second_are_counted_over_all_endpoints_of_a_vm(http: aiohttp.ClientSession) -> None:
    clock = TurnedClock()
    paths = ["scheduledevents?api-version=2020-07-01", "instance?api-version=2021-05-01", "versions"]
    async with emulator(clock=clock, options=Options(requests_per_second=5)) as imds:
        seen = []
        for path in (*paths, *paths):
            async with http.get(f"{imds.url('db-0')}/metadata/{path}") as response:
                seen.append(response.status)
        assert seen == [200, 200, 200, 200, 200, 429]
        await read(http, imds, "db-1")
        clock.turn(1)
        await read(http, imds, "db-0")


async def test_events_show_a_while_after_the_first_request(http: aiohttp.ClientSession) -> None:
    async with emulator(options=Options(activation_delay=300)) as imds:
        event = imds.stage.schedule(Draft(type="Reboot", resources=("db-0",)))
        assert (await read(http, imds))["Events"] == []
        assert await order(http, imds, "clock", {"seconds": 300}) == 200
        assert await statuses(http, imds) == {event.id: "Scheduled"}
        assert await order(http, imds, "clock", {"seconds": -1}) == 400


async def test_a_slow_answer_is_the_truth(http: aiohttp.ClientSession) -> None:
    async with emulator(speed=100) as imds:
        event = imds.stage.schedule(Draft(type="Reboot", resources=("db-0",)))
        imds.stage.faults.add(Fault(kind=FaultKind.SLOW, delay_seconds=5, count=1), imds.stage.pace.now())
        before = imds.stage.pace.now()
        assert await statuses(http, imds) == {event.id: "Scheduled"}
        assert (imds.stage.pace.now() - before).total_seconds() >= 0.04


async def test_a_vm_that_stands_still_gets_no_answer_and_its_neighbour_does(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        event = imds.stage.schedule(Draft(type="Freeze", resources=("db-0",), status="Started", started_seconds=600))
        assert await order(http, imds, f"events/{event.id}/impact", {"seconds": 60}) == 200
        impatient = aiohttp.ClientTimeout(total=0.1)
        with pytest.raises(TimeoutError):
            await http.get(f"{imds.url('db-0')}/metadata/scheduledevents", params=NEWEST, timeout=impatient)
        assert (await read(http, imds, "db-1"))["Events"][0]["EventStatus"] == "Started"
        imds.stage.pace.turn(60)
        assert (await read(http, imds))["Events"][0]["EventStatus"] == "Started"


async def test_an_order_with_a_word_that_is_not_known_is_told_the_nearest(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        body = {"type": "Reboot", "resources": ["db-0"], "noticeSecond": 5}
        async with http.post(f"{imds.control_url}/control/events", json=body) as response:
            assert (response.status, await response.json()) == (
                400,
                {"error": "unknown key 'noticeSecond' at `$`; did you mean noticeSeconds?"},
            )


@pytest.mark.parametrize(
    "body",
    [
        {"noticeSeconds": 1e300},
        {"noticeSeconds": "soon"},
        {"startedSeconds": -1},
        {"impacts": [{"seconds": -1}]},
        {"resources": []},
    ],
)
async def test_an_order_that_cannot_be_is_refused_and_harms_nothing(
    http: aiohttp.ClientSession, body: dict[str, object]
) -> None:
    async with emulator() as imds:
        assert await order(http, imds, "events", {"type": "Reboot", "resources": ["db-0"]} | body) == 400
        assert (await read(http, imds))["Events"] == []


async def test_a_deadline_that_is_over_already_starts_the_event(http: aiohttp.ClientSession) -> None:
    async with emulator() as imds:
        event = imds.stage.schedule(Draft(type="Preempt", resources=("db-0",), notice_seconds=-1))
        assert await statuses(http, imds) == {event.id: "Started"}
