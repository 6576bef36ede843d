"""If-None-Match where an ETag was offered, and how far "unchanged" is believed."""

from collections import Counter

import pytest

from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Fault, FaultKind
from services.vmwatch.emulator.limits import Options
from services.vmwatch.errors import MetadataOutcome, MetadataUnavailableError
from services.vmwatch.imds import ImdsClient
from services.vmwatch.recollection import BELIEVED_SECONDS
from tests.parts.raw_server import Exchange, RawServer, raw_server
from tests.parts.watching import TurnedClock, emulator

REBOOT = Draft(type="Reboot", resources=("db-0",), source="User")
CALM = b'{"DocumentIncarnation":1,"Events":[]}'
UNCHANGED = b"HTTP/1.1 304 Not Modified\r\n\r\n"


def conditions(server: RawServer) -> list[str]:
    """Return what each request named in If-None-Match."""
    name = "If-None-Match: "
    return [
        next((line.removeprefix(name) for line in each.lines if line.startswith(name)), "") for each in server.exchanges
    ]


def calm(etag: bytes = b"") -> bytes:
    field = b"ETag: " + etag + b"\r\n" if etag else b""
    return b"HTTP/1.1 200 OK\r\n" + field + b"Content-Length: " + str(len(CALM)).encode() + b"\r\n\r\n" + CALM


async def test_an_offered_etag_saves_the_document_until_something_changes() -> None:
    outcomes: Counter[MetadataOutcome] = Counter()
    async with (
        emulator(options=Options(etag=True)) as imds,
        ImdsClient(imds.url("db-0"), count=lambda it: outcomes.update([it])) as client,
    ):
        first = await client.read_events()
        assert await client.read_events() == first
        imds.stage.schedule(REBOOT)
        assert [event.event_id for event in (await client.read_events()).events] == ["EVENT-1"]
        assert [event.event_id for event in (await client.read_events()).events] == ["EVENT-1"]
    assert outcomes == {MetadataOutcome.OK: 2, MetadataOutcome.UNCHANGED: 2}


async def test_nothing_is_asked_conditionally_where_no_etag_was_offered() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(calm())

    async with raw_server(answer) as server, ImdsClient(server.url) as client:
        for _ in range(2):
            assert (await client.read_events()).incarnation == 1
        assert conditions(server) == ["", ""]


@pytest.mark.parametrize("etag", [b'"1"', b'W/"2026-04-20"', b"unquoted"])
async def test_an_etag_goes_back_as_it_came(etag: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(calm(etag) if exchange.number == 1 else UNCHANGED)

    async with raw_server(answer) as server, ImdsClient(server.url) as client:
        first = await client.read_events()
        assert await client.read_events() == first
        assert conditions(server) == ["", etag.decode()]


@pytest.mark.parametrize("etag", [b"x" * 300, b"\xc3\xa9"])
async def test_an_etag_that_cannot_be_sent_back_is_not_kept(etag: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(calm(etag))

    async with raw_server(answer) as server, ImdsClient(server.url) as client:
        for _ in range(2):
            await client.read_events()
        assert conditions(server) == ["", ""]


async def test_unchanged_without_our_asking_is_an_error_and_no_calm() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.send(UNCHANGED)

    async with raw_server(answer) as server, ImdsClient(server.url) as client:
        with pytest.raises(MetadataUnavailableError) as raised:
            await client.read_events()
        assert (raised.value.outcome, raised.value.status) == (MetadataOutcome.UNEXPECTED, 304)


async def test_unchanged_is_believed_for_a_few_seconds_only() -> None:
    clock = TurnedClock()

    async def answer(exchange: Exchange) -> None:
        asked_in_full = "If-None-Match" not in exchange.head
        await exchange.send(calm(b'"1"') if asked_in_full else UNCHANGED)

    async with raw_server(answer) as server, ImdsClient(server.url, monotonic=clock.monotonic) as client:
        for _ in range(3):
            await client.read_events()
            clock.turn(BELIEVED_SECONDS / 2)
        assert conditions(server) == ["", '"1"', ""]


async def test_after_a_failure_the_whole_document_is_asked_for() -> None:
    async with emulator(options=Options(etag=True)) as imds, ImdsClient(imds.url("db-0")) as client:
        await client.read_events()
        # An incarnation that begins anew would give other events the ETag that is known.
        imds.stage.schedule(REBOOT)
        imds.stage.reset(1)
        imds.stage.faults.add(Fault(kind=FaultKind.RESET, count=2), imds.stage.pace.now())
        with pytest.raises(MetadataUnavailableError):
            await client.read_events()
        assert [event.event_id for event in (await client.read_events()).events] == ["EVENT-1"]
