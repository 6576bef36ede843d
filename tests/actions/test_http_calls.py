"""HTTP actions: what a target is told, and what its answers come to."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.dispatch.actions.http import HttpCaller, addressed
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import ActionName, HttpCall
from services.scheduler.domain.executions import occurrence_id
from services.scheduler.domain.hosts import HostView
from tests.parts.builders import NOON, host, job, occurrence
from tests.parts.http import http_caller
from tests.parts.ports import free_port
from tests.parts.raw_server import Exchange, RawServer, answer_ok, raw_server

ID = occurrence_id("uid-1", NOON)


@pytest.fixture
async def caller() -> AsyncIterator[HttpCaller]:
    async with http_caller() as opened:
        yield opened


async def call(caller: HttpCaller, server: RawServer, on: HostView | None = None, **more: object) -> Answer:
    fields = {"method": "GET", "uri": server.url, **more}
    return await caller.call(HttpCall(**fields), job(), occurrence(id=ID, attempt=2), on)  # type: ignore[arg-type]


def fields(server: RawServer) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in server.exchanges[-1].lines[1:])


async def test_a_target_is_told_which_occurrence_and_which_attempt_it_is(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        assert (await call(caller, server)).succeeded
    told = fields(server)
    assert (told["webhook-id"], told["x-leeward-attempt"], told["x-leeward-job"]) == (ID, "2", "demo/job-1")
    assert told["x-leeward-scheduled-time"] == "2026-03-02T12:00:00.000Z"
    assert told["x-ms-execution-tag"] == f"{ID}-2"
    assert "x-leeward-host" not in told


async def test_a_cancel_request_names_what_it_cancels_and_is_told_apart(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        what = HttpCall(method="POST", uri=server.url, headers={"X-Leeward-Cancel": "maybe"})
        for name in (ActionName.MAIN, ActionName.CANCEL):
            assert (await caller.call(what, job(), occurrence(id=ID, attempt=2, action=name), None)).succeeded
    began, ended = (dict(line.split(": ", 1) for line in one.lines[1:]) for one in server.exchanges)
    assert "cancel" not in str(began).lower()
    assert ended["x-leeward-cancel"] == "true"
    same = ("webhook-id", "x-leeward-attempt", "x-leeward-job", "x-ms-execution-tag")
    assert [began[name] for name in same] == [ended[name] for name in same]
    assert began["traceparent"][:35] == ended["traceparent"][:35]


async def test_a_request_counts_as_sent_once_there_is_a_connection_for_it(caller: HttpCaller) -> None:
    sent: list[str] = []

    async def make(uri: str) -> None:
        what = HttpCall(method="GET", uri=uri)
        await caller.call(what, job(), occurrence(id=ID), None, on_sent=lambda: sent.append(uri))

    await make(f"http://127.0.0.1:{free_port()}/")
    assert sent == []
    async with raw_server(answer_ok) as server:
        await make(server.url)
    assert sent == [server.url]


async def test_repeats_share_their_trace_and_have_spans_of_their_own(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        for attempt in (1, 2):
            what = HttpCall(method="GET", uri=server.url)
            await caller.call(what, job(), occurrence(id=ID, attempt=attempt), None)
    first, second = _traces(server)
    assert first[:35] == second[:35]
    assert first[36:52] != second[36:52]


def _traces(server: RawServer) -> list[str]:
    lines = [line for exchange in server.exchanges for line in exchange.lines]
    return [line.removeprefix("traceparent: ") for line in lines if line.startswith("traceparent")]


async def test_host_and_hostname_are_filled_in_everywhere(caller: HttpCaller) -> None:
    on = host("127.0.0.1", addresses=("127.0.0.1",))
    async with raw_server(answer_ok) as server:
        uri = f"http://{{host}}:{server.port}/{{hostname}}"
        await call(caller, server, on, uri=uri, method="POST", headers={"x-at": "{hostname}"}, body="on {host}")
    told = fields(server)
    assert server.exchanges[0].lines[0] == "POST /127.0.0.1 HTTP/1.1"
    assert (told["x-at"], told["x-leeward-host"], server.exchanges[0].body) == (
        "127.0.0.1",
        "127.0.0.1",
        b"on 127.0.0.1",
    )


@pytest.mark.parametrize(
    ("address", "filled_in"),
    [
        ("10.0.0.4", "http://10.0.0.4:80/db-0"),
        ("fd00::4", "http://[fd00::4]:80/db-0"),
        ("evil.test/?", "http://evil.test%2F%3F:80/db-0"),
        ("user@evil.test", "http://user%40evil.test:80/db-0"),
        ("[evil.test]:1/#", "http://[%5Bevil.test%5D:1%2F%23]:80/db-0"),
    ],
)
def test_what_a_machine_says_of_its_address_stays_one_part_of_the_uri(address: str, filled_in: str) -> None:
    assert addressed("http://{host}:80/{hostname}", host("db-0", addresses=(address,))) == filled_in


async def test_what_is_not_ascii_travels_percent_encoded(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        await call(caller, server, headers={"x-name": "Zürich\r\nx-evil: 1"})
    assert fields(server)["x-name"] == "Z%C3%BCrich%0D%0Ax-evil: 1"


@pytest.mark.parametrize(
    ("status", "header", "wait"),
    [
        (503, "Retry-After: 7", timedelta(seconds=7)),
        (429, "Retry-After: soon", None),
        (500, "X: y", None),
        (200, "Retry-After: 7", None),
    ],
)
async def test_a_failing_target_may_say_when_to_come_back(
    caller: HttpCaller, status: int, header: str, wait: timedelta | None
) -> None:
    answer = f"HTTP/1.1 {status} Reason\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode()
    async with raw_server(lambda exchange: exchange.send(answer)) as server:
        assert (await call(caller, server)).retry_after == wait


async def test_a_date_to_come_back_at_is_read_as_the_time_until_then(caller: HttpCaller) -> None:
    when = (datetime.now(UTC) + timedelta(seconds=100)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    answer = f"HTTP/1.1 503 Busy\r\nRetry-After: {when}\r\nContent-Length: 0\r\n\r\n".encode()
    async with raw_server(lambda exchange: exchange.send(answer)) as server:
        wait = (await call(caller, server)).retry_after
    assert wait is not None
    assert timedelta(seconds=90) < wait <= timedelta(seconds=100)


async def test_history_keeps_where_an_answer_came_from_its_headers_and_the_start_of_its_body(
    caller: HttpCaller,
) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nX-One: 1\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000
    async with raw_server(lambda exchange: exchange.send(answer)) as server:
        came = await call(caller, server)
    assert (came.succeeded, came.retryable) == (False, True)
    assert came.message.startswith(
        "Http Action - Response from host '127.0.0.1': 'Not Found' Response Headers: X-One: 1"
    )
    assert came.message.endswith("Body: " + "x" * 2048)


async def test_what_no_database_takes_is_not_kept(caller: HttpCaller) -> None:
    answer = b"HTTP/1.1 200 \xff\r\nX-One: \xff1\r\nContent-Length: 4\r\n\r\n\xff\0\xc3x"
    async with raw_server(lambda exchange: exchange.send(answer)) as server:
        message = (await call(caller, server)).message
    assert message.encode().decode() == message
    assert "X-One: ?1" in message
    assert message.endswith("Body: \ufffd\ufffd\ufffdx")


async def test_a_target_that_is_not_there_is_a_failure_that_may_pass(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        gone = server
    answer = await call(caller, gone)
    assert (answer.succeeded, answer.retryable, answer.unheard) == (False, True, False)


async def test_a_request_that_cannot_be_made_is_a_failure_for_good(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        answer = await call(caller, server, headers={"a b": "1"})
    assert (answer.succeeded, answer.retryable) == (False, False)
    assert "not a valid request" in answer.message


async def test_a_kept_connection_that_closed_under_the_request_is_no_fault_of_the_target(caller: HttpCaller) -> None:
    async def once(exchange: Exchange) -> None:
        await (answer_ok(exchange) if exchange.number == 1 else exchange.hang_up())

    async with raw_server(once) as server:
        await call(caller, server)
        assert (await call(caller, server)).unheard


async def test_a_redirect_is_not_followed(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        server.script = lambda exchange: exchange.send(
            b"HTTP/1.1 302 Found\r\nLocation: " + server.url.encode() + b"elsewhere\r\nContent-Length: 0\r\n\r\n"
        )
        answer = await call(caller, server)
    assert (answer.succeeded, len(server.exchanges)) == (False, 1)


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("http://DB-0/a", "http://db-0:80"),
        ("https://db-0/b?c", "https://db-0:443"),
        ("http://user:secret@db-0:8080/", "http://db-0:8080"),
        ("http://[::1]:1/", "http://::1:1"),
        ("nonsense", "://None:80"),
    ],
)
def test_calls_to_one_scheme_host_and_port_are_calls_to_one_target(uri: str, target: str) -> None:
    assert http_caller().target(HttpCall(method="GET", uri=uri), None) == target
