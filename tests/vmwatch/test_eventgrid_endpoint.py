"""The address that Event Grid posts to: handshakes, both schemas, and what it refuses."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, TCPConnector

from services.vmwatch.eventgrid.endpoint import MAX_BODY_BYTES, MOST_CONNECTIONS, Endpoint
from services.vmwatch.eventgrid.opening import open_endpoint
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.eventgrid_settings import EventGridSettings
from services.vmwatch.metrics import GridOutcome, Metrics
from shared.settings import Listen, SettingsError
from tests.parts.certificates import Authority
from tests.parts.grid import EVENT, GROUP_ID, Json, body, cloud_event, grid_event, validation
from tests.parts.watching import TurnedClock

KEY = "a-key-of-twenty-four-chars"


class Posting:
    """An endpoint, what it hears, and Event Grid's side of it."""

    def __init__(
        self, endpoint: Endpoint, sources: Sources, http: ClientSession, counted: Counter[GridOutcome]
    ) -> None:
        self.sources = sources
        self.counted = counted
        self.http = http
        self.url = f"http://127.0.0.1:{endpoint.port}/eventgrid"

    async def post(self, data: bytes | BytesIO, *, key: str | None = KEY, **headers: str) -> tuple[int, str]:
        """Post a body as Event Grid does and return status and text of the answer."""
        query = {} if key is None else {"code": key}
        async with self.http.post(self.url, params=query, data=data, headers=headers) as reply:
            return reply.status, await reply.text()

    async def tell(self, *events: Json) -> int:
        """Post events; return the status."""
        return (await self.post(body(*events)))[0]

    @property
    def statuses(self) -> dict[str, str]:
        """The events that are on, by id."""
        return {event.event_id: event.status for event in self.sources.look().events}


@asynccontextmanager
async def listening(*, scope: str = "") -> AsyncIterator[Posting]:
    sources, counted = Sources(TurnedClock(), scope=scope), Counter[GridOutcome]()

    def count(outcome: GridOutcome) -> None:
        counted[outcome] += 1

    endpoint = Endpoint(Listen("127.0.0.1", 0), key=KEY, sources=sources, count=count)
    async with endpoint, ClientSession() as http:
        yield Posting(endpoint, sources, http, counted)


@pytest.fixture
async def grid() -> AsyncIterator[Posting]:
    """An endpoint that takes events from anywhere."""
    async with listening() as posting:
        yield posting


async def test_event_grids_own_handshake_is_answered_with_its_code(grid: Posting) -> None:
    status, text = await grid.post(body(validation("512d38b6")))
    assert (status, text) == (200, '{"validationResponse": "512d38b6"}')
    assert grid.counted == {GridOutcome.HANDSHAKE: 1}


async def test_the_handshake_of_cloud_events_lets_the_origin_post(grid: Posting) -> None:
    asked = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    async with grid.http.options(grid.url, params={"code": KEY}, headers=asked) as reply:
        assert reply.status == 200
        assert reply.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
        assert (reply.headers["WebHook-Allowed-Rate"], reply.headers["Allow"]) == ("*", "POST")
    async with grid.http.options(grid.url, params={"code": KEY}) as reply:
        assert (reply.status, "WebHook-Allowed-Origin" in reply.headers) == (400, False)


@pytest.mark.parametrize("key", [None, "", KEY[:-1], f"{KEY}x", "schlüssel"])
async def test_without_the_key_nothing_is_read_and_no_handshake_given(grid: Posting, key: str | None) -> None:
    assert (await grid.post(body(grid_event("Started")), key=key))[0] == 401
    assert (await grid.post(body(validation("1")), key=key))[0] == 401
    asked = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    async with grid.http.options(grid.url, params={"code": key or ""}, headers=asked) as reply:
        assert (reply.status, "WebHook-Allowed-Origin" in reply.headers) == (401, False)
    assert (grid.statuses, grid.counted) == ({}, {GridOutcome.WRONG_KEY: 3})


async def test_the_key_may_come_in_a_header(grid: Posting) -> None:
    status, _ = await grid.post(body(grid_event("Started")), key=None, **{"x-leeward-key": KEY})
    assert (status, grid.statuses) == (200, {EVENT.upper(): "Started"})


async def test_both_schemas_tell_of_the_same_event(grid: Posting) -> None:
    assert await grid.tell(grid_event("Scheduled")) == 200
    assert await grid.tell(cloud_event("Started")) == 200
    assert grid.statuses == {EVENT.upper(): "Started"}
    assert await grid.tell(cloud_event("Completed"), cloud_event("Scheduled", EventId="OTHER")) == 200
    assert grid.statuses == {"OTHER": "Scheduled"}
    assert [(one.event_id, one.outcome) for one in grid.sources.look().ended] == [(EVENT.upper(), "completed")]


async def test_what_comes_twice_under_one_id_counts_once(grid: Posting) -> None:
    news: list[None] = []
    grid.sources.on_news(lambda: news.append(None))
    for _ in range(2):
        assert await grid.tell(grid_event("Started", envelope="same")) == 200
    assert grid.counted == {GridOutcome.TAKEN: 1, GridOutcome.DUPLICATE: 1}
    assert len(news) == 1


@pytest.mark.parametrize(
    "garbage", [b"", b"{", b"[1,2]", b"\xff\xfe", b'[{"id":"1"', body(grid_event("Started", EventId=""))]
)
async def test_garbage_is_refused_and_what_comes_next_is_taken(grid: Posting, garbage: bytes) -> None:
    assert (await grid.post(garbage))[0] == 400
    assert await grid.tell(grid_event("Started")) == 200
    assert grid.counted == {GridOutcome.MALFORMED: 1, GridOutcome.TAKEN: 1}


async def test_a_body_that_is_too_long_is_refused(grid: Posting) -> None:
    assert (await grid.post(BytesIO(b" " * (MAX_BODY_BYTES + 1))))[0] == 413
    assert grid.statuses == {}


async def test_events_of_other_types_and_places_are_left_alone() -> None:
    async with listening(scope=GROUP_ID.upper()) as grid:
        elsewhere = grid_event("Started", EventId="ELSEWHERE")
        elsewhere["data"]["resourceInfo"]["id"] = f"{GROUP_ID}-2/providers/x/ELSEWHERE"
        other = {**grid_event("Started"), "eventType": "Microsoft.Storage.BlobCreated"}
        assert await grid.tell(elsewhere, other, grid_event("Started")) == 200
        assert grid.statuses == {EVENT.upper(): "Started"}
        assert grid.counted == {GridOutcome.OUT_OF_SCOPE: 1, GridOutcome.UNRELATED: 1, GridOutcome.TAKEN: 1}


async def test_more_events_than_there_can_be_are_put_off(grid: Posting) -> None:
    many = [grid_event("Scheduled", EventId=f"E{number}") for number in range(201)]
    assert await grid.tell(*many) == 503
    assert (grid.counted[GridOutcome.NO_ROOM], len(grid.statuses)) == (1, 200)


async def test_it_serves_https_with_the_files_of_the_settings(tmp_path: Path) -> None:
    authority, key_file = Authority(), tmp_path / "key"
    certificate, private_key = authority.certify("localhost").files(tmp_path, "grid")
    key_file.write_text(f"{KEY}\n")
    settings = EventGridSettings(
        listen="127.0.0.1:0", key_file=key_file, listen_cert=certificate, listen_key=private_key
    )
    trusting = ssl.create_default_context(cafile=authority.file(tmp_path))
    async with AsyncExitStack() as resources:
        endpoint = await open_endpoint(settings, Sources(TurnedClock()), Metrics("test"), resources)
        assert endpoint is not None
        http = await resources.enter_async_context(ClientSession(connector=TCPConnector(ssl=trusting)))
        url = f"https://localhost:{endpoint.port}/eventgrid?code={KEY}"
        async with http.post(url, data=body(validation("1"))) as reply:
            assert (reply.status, await reply.json()) == (200, {"validationResponse": "1"})


async def test_an_address_that_is_taken_is_named() -> None:
    async with listening() as grid:
        port = int(grid.url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(SettingsError, match=str(port)):
            await Endpoint(Listen("127.0.0.1", port), key=KEY, sources=grid.sources, count=lambda _: None).__aenter__()


async def test_those_who_connect_and_say_nothing_are_sent_away_and_events_still_come() -> None:
    async with listening() as grid, AsyncExitStack() as silent:
        port = urlsplit(grid.url).port
        readers = []
        for _ in range(2 * MOST_CONNECTIONS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            silent.push_async_callback(writer.wait_closed)
            silent.callback(writer.close)
            readers.append(reader)
        async with asyncio.timeout(10):
            assert await readers[0].read() == b""
        assert await grid.tell(cloud_event("Scheduled")) == 200
