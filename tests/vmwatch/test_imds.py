"""The client of the metadata service against the emulator, with every fault it can make."""

import asyncio
from collections import Counter

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.errors import (
    MetadataError,
    MetadataOutcome,
    MetadataRefusedError,
    MetadataUnavailableError,
)
from services.vmwatch.imds import EVENTS_PATH, ImdsClient, TimeLimits
from services.vmwatch.instance import Overrides
from tests.parts.ports import free_port
from tests.parts.watching import TurnedClock, emulator

REBOOT = Draft(type="Reboot", resources=("db-0",), source="User")
SHORT = TimeLimits(first=0.2, later=0.2)


def fault(imds: Emulator, **order: object) -> None:
    imds.stage.faults.add(Fault(**order), imds.stage.pace.now())  # type: ignore[arg-type]


async def test_a_document_and_an_identity_are_read() -> None:
    outcomes: Counter[MetadataOutcome] = Counter()
    async with emulator() as imds, ImdsClient(imds.url("db-0"), count=lambda it: outcomes.update([it])) as client:
        imds.stage.schedule(REBOOT)
        (event,) = (await client.read_events()).events
        assert (event.event_id, event.type, event.resources) == ("EVENT-1", "Reboot", ("db-0",))
        inventory = await client.read_instance(Overrides())
        assert (inventory.host, inventory.pools, inventory.group) == ("db-0", ("db",), "fleet")
        assert inventory.addresses == ("10.0.0.4",)
    assert outcomes == {MetadataOutcome.OK: 2}


async def test_version_2017_03_01_names_hosts_without_their_underscore() -> None:
    async with emulator() as imds, ImdsClient(imds.url("db-0"), api_version="2017-03-01") as client:
        imds.stage.schedule(REBOOT)
        assert (await client.read_events()).events[0].resources == ("db-0",)


@pytest.mark.parametrize(
    ("status", "outcome", "kind"),
    [
        (400, MetadataOutcome.BAD_REQUEST, MetadataRefusedError),
        (404, MetadataOutcome.NOT_FOUND, MetadataUnavailableError),
        (405, MetadataOutcome.NOT_ALLOWED, MetadataRefusedError),
        (410, MetadataOutcome.GONE, MetadataUnavailableError),
        (429, MetadataOutcome.THROTTLED, MetadataUnavailableError),
        (500, MetadataOutcome.SERVER_ERROR, MetadataUnavailableError),
        (503, MetadataOutcome.SERVER_ERROR, MetadataUnavailableError),
        (418, MetadataOutcome.UNEXPECTED, MetadataUnavailableError),
        (204, MetadataOutcome.UNEXPECTED, MetadataUnavailableError),
    ],
)
async def test_each_status_is_its_own_outcome(status: int, outcome: MetadataOutcome, kind: type[MetadataError]) -> None:
    counted: list[MetadataOutcome] = []
    async with emulator() as imds, ImdsClient(imds.url("db-0"), count=counted.append) as client:
        fault(imds, kind=FaultKind.STATUS, status=status)
        with pytest.raises(kind) as raised:
            await client.read_events()
        assert (raised.value.outcome, raised.value.status) == (outcome, status)
    assert counted == [outcome]


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (FaultKind.GARBAGE, MetadataOutcome.INVALID),
        (FaultKind.HTML, MetadataOutcome.INVALID),
        (FaultKind.EMPTY, MetadataOutcome.INVALID),
        (FaultKind.ERROR, MetadataOutcome.INVALID),
        (FaultKind.TRUNCATED, MetadataOutcome.UNREACHABLE),
        (FaultKind.RESET, MetadataOutcome.UNREACHABLE),
        (FaultKind.REDIRECT, MetadataOutcome.REDIRECT),
        (FaultKind.HUGE, MetadataOutcome.TOO_BIG),
        (FaultKind.TIMEOUT, MetadataOutcome.TIMEOUT),
    ],
)
async def test_no_fault_is_ever_read_as_a_document(kind: FaultKind, outcome: MetadataOutcome) -> None:
    counted: list[MetadataOutcome] = []
    async with (
        emulator() as imds,
        ImdsClient(imds.url("db-0"), count=counted.append, limits=TimeLimits(first=1.0, later=1.0)) as client,
    ):
        fault(imds, kind=kind)
        with pytest.raises(MetadataUnavailableError) as raised:
            await client.read_events()
        assert raised.value.outcome is outcome
        imds.stage.faults.replace((), imds.stage.pace.now())
        assert (await client.read_events()).events == ()
    assert counted == [outcome, MetadataOutcome.OK]


async def test_a_service_that_is_not_there_is_unreachable() -> None:
    async with ImdsClient(f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(MetadataUnavailableError) as raised:
            await client.read_events()
    assert raised.value.outcome is MetadataOutcome.UNREACHABLE


async def test_only_the_first_answer_may_take_long() -> None:
    limits = TimeLimits(first=5.0, later=0.1)
    slow = Options(first_call_delay=0.3)
    async with emulator(options=slow) as imds, ImdsClient(imds.url("db-0"), limits=limits) as client:
        await client.read_events()
        fault(imds, kind=FaultKind.TIMEOUT)
        with pytest.raises(MetadataUnavailableError) as raised:
            await client.read_events()
    assert raised.value.outcome is MetadataOutcome.TIMEOUT


async def test_after_a_day_without_an_answer_the_next_one_may_take_long_again() -> None:
    clock, day = TurnedClock(), 24 * 3600
    options = Options(first_call_delay=0.3, disable_after=day)
    limits = TimeLimits(first=5.0, later=0.1)
    async with (
        emulator(clock=clock, options=options) as imds,
        ImdsClient(imds.url("db-0"), limits=limits, monotonic=clock.monotonic) as client,
    ):
        await client.read_events()
        clock.turn(day + 60)
        assert (await client.read_events()).events == ()


async def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    async with emulator() as imds, ImdsClient(imds.url("db-0")) as client:
        assert (await client.read_events()).events == ()


async def test_an_approval_starts_the_event_and_may_be_repeated() -> None:
    clock = TurnedClock()
    async with emulator(clock=clock) as imds, ImdsClient(imds.url("db-1")) as client:
        imds.stage.schedule(REBOOT)
        assert [await client.approve("EVENT-1") for _ in range(2)] == [200, 200]
        clock.turn(1)
        assert (await client.read_events()).events[0].status == "Started"


@pytest.mark.parametrize("kind", [FaultKind.STATUS, FaultKind.RESET, FaultKind.TIMEOUT, FaultKind.REDIRECT])
async def test_an_approval_that_fails_says_so(kind: FaultKind) -> None:
    async with emulator() as imds, ImdsClient(imds.url("db-0"), limits=SHORT) as client:
        imds.stage.schedule(REBOOT)
        fault(imds, kind=kind, method="POST")
        with pytest.raises(MetadataUnavailableError):
            await client.approve("EVENT-1")
        assert not imds.stage.state()["approvals"]


async def test_an_approval_names_the_event_as_the_service_wrote_it() -> None:
    event = {"EventId": "c7061bac", "EventType": "Reboot", "EventStatus": "Scheduled", "Resources": ["db-0"]}
    received: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.json_response({"DocumentIncarnation": 1, "Events": [event]})

    app = web.Application()
    app.router.add_route("*", EVENTS_PATH, answer)
    async with TestServer(app) as server, ImdsClient(str(server.make_url(""))) as client:
        (read,) = (await client.read_events()).events
        await client.approve(read.event_id)
    assert received == [b"", b'{"StartRequests":[{"EventId":"c7061bac"}]}']


async def test_an_approval_of_an_unknown_event_is_refused() -> None:
    async with emulator() as imds, ImdsClient(imds.url("db-0")) as client:
        with pytest.raises(MetadataRefusedError):
            await client.approve("NOBODY")


async def test_an_instance_fault_leaves_the_events_alone() -> None:
    async with emulator() as imds, ImdsClient(imds.url("db-0")) as client:
        fault(imds, kind=FaultKind.HTML, endpoint=Endpoint.INSTANCE)
        with pytest.raises(MetadataUnavailableError):
            await client.read_instance(Overrides())
        assert (await client.read_events()).events == ()


async def test_a_connection_that_died_while_idle_does_no_harm() -> None:
    async with emulator() as imds, ImdsClient(imds.url("db-0")) as client:
        await client.read_events()
        fault(imds, kind=FaultKind.RESET, count=1)
        await client.read_events()
        answers = await asyncio.gather(*(client.read_events() for _ in range(3)))
    assert [answer.events for answer in answers] == [()] * 3


async def test_a_client_outside_its_context_is_a_mistake() -> None:
    with pytest.raises(RuntimeError):
        await ImdsClient("http://127.0.0.1").read_events()
