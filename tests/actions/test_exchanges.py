"""Requests as they go out and answers as they come in, byte by byte."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientConnectionError, ClientPayloadError, ServerDisconnectedError

from services.scheduler.dispatch.actions.exchange import Exchanges, StaleConnectionError
from services.scheduler.dispatch.actions.targets import TargetDeniedError, TargetGuard
from services.scheduler.dispatch.actions.trust import Trust
from tests.parts.raw_server import OK, Exchange, RawServer, answer_ok, raw_server
from tests.parts.waiting import until

DRAINED = 1000


@pytest.fixture
async def exchanges() -> AsyncIterator[Exchanges]:
    async with exchanging(TargetGuard(deny=(), allow=())) as opened:
        yield opened


def exchanging(guard: TargetGuard) -> Exchanges:
    return Exchanges(guard, trust=Trust().context(), user_agent="Leeward/1", drained=DRAINED)


async def test_a_request_has_its_own_fields_and_those_given(exchanges: Exchanges) -> None:
    async with raw_server(answer_ok) as server:
        reply = await exchanges.ask("POST", f"{server.url}a%20b?c=d#e", {"X-One": "1"}, b"hello")
    assert (reply.status, reply.reason, reply.body) == (200, "OK", b"ok")
    assert server.exchanges[0].body == b"hello"
    assert server.exchanges[0].lines == [
        "POST /a%20b?c=d HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "X-Forwarded-For: unknown",
        "X-One: 1",
        "Accept: */*",
        "User-Agent: Leeward/1",
        "Content-Length: 5",
        "Content-Type: application/octet-stream",
    ]


async def test_what_is_given_wins_but_never_says_how_the_message_travels(exchanges: Exchanges) -> None:
    given = {
        "accept": "text/plain",
        "Content-Type": "text/plain",
        "Content-Length": "99",
        "Transfer-Encoding": "chunked",
        "Host": "elsewhere",
        "Connection": "close",
        "Metadata": "true",
        "X-Forwarded-For": "10.0.0.1",
    }
    async with raw_server(answer_ok) as server:
        await exchanges.ask("PUT", server.url, given, b"hello")
    assert sorted(server.exchanges[0].lines[1:]) == [
        "Content-Length: 5",
        "Content-Type: text/plain",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: Leeward/1",
        "X-Forwarded-For: unknown",
        "accept: text/plain",
    ]


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "ä"])
async def test_a_name_that_is_no_token_is_refused(exchanges: Exchanges, name: str) -> None:
    async with raw_server(answer_ok) as server:
        with pytest.raises(ValueError, match="is no name of a header field"):
            await exchanges.ask("GET", server.url, {name: "1"}, None)
    assert server.exchanges == []


@pytest.mark.parametrize("uri", ["no address", "http://", "http:///path", "http://[::1", "http://a:b/"])
async def test_an_address_that_is_none_is_no_valid_request(exchanges: Exchanges, uri: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the URL library's
        await exchanges.ask("GET", uri, {}, None)


async def test_user_and_password_of_the_address_become_basic_authorization(exchanges: Exchanges) -> None:
    async with raw_server(answer_ok) as server:
        await exchanges.ask("GET", server.url.replace("//", "//user:secret@"), {}, None)
    assert "Authorization: Basic dXNlcjpzZWNyZXQ=" in server.exchanges[0].lines
    assert "secret" not in server.exchanges[0].head


async def test_a_connection_is_used_again(exchanges: Exchanges) -> None:
    async with raw_server(answer_ok) as server:
        for _ in range(3):
            await exchanges.ask("GET", server.url, {}, None)
    assert (server.connections, [exchange.number for exchange in server.exchanges]) == (1, [1, 2, 3])


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_leave_their_connection_usable(
    exchanges: Exchanges, method: str, answer: bytes
) -> None:
    async with raw_server(lambda exchange: exchange.send(answer)) as server:
        replies = [await exchanges.ask(method, server.url, {}, None) for _ in range(2)]
    assert ([reply.body for reply in replies], server.connections) == ([b"", b""], 1)


async def test_a_body_that_comes_in_pieces_is_put_together(exchanges: Exchanges) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with raw_server(
        lambda exchange: exchange.send(head, b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n")
    ) as server:
        assert (await exchanges.ask("GET", server.url, {}, None)).body == b"abcde"


async def test_a_body_that_is_too_long_is_cut_and_costs_its_connection(exchanges: Exchanges) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000
    async with raw_server(lambda exchange: exchange.send(long)) as server:
        for _ in range(2):
            assert len((await exchanges.ask("GET", server.url, {}, None)).body) == DRAINED
    assert server.connections == 2


async def test_a_body_without_a_length_ends_with_its_connection(exchanges: Exchanges) -> None:
    async def until_closed(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        await exchange.hang_up()

    async with raw_server(until_closed) as server:
        assert (await exchanges.ask("GET", server.url, {}, None)).body == b"all of it"


async def hang_up(exchange: Exchange) -> None:
    await exchange.hang_up()


async def hang_up_the_second_time(exchange: Exchange) -> None:
    await (answer_ok(exchange) if exchange.number == 1 else exchange.hang_up())


async def test_a_new_connection_that_is_closed_unanswered_is_a_failure(exchanges: Exchanges) -> None:
    async with raw_server(hang_up) as server:
        with pytest.raises(ServerDisconnectedError):
            await exchanges.ask("GET", server.url, {}, None)
    assert server.connections == 1


async def test_a_kept_connection_that_is_closed_unanswered_is_told_apart(exchanges: Exchanges) -> None:
    async with raw_server(hang_up_the_second_time) as server:
        await exchanges.ask("GET", server.url, {}, None)
        with pytest.raises(StaleConnectionError):
            await exchanges.ask("GET", server.url, {}, None)
    assert len(server.exchanges) == 2


async def reset_the_second_time(exchange: Exchange) -> None:
    await (answer_ok(exchange) if exchange.number == 1 else exchange.reset())


async def test_a_kept_connection_that_is_reset_unanswered_is_told_apart(exchanges: Exchanges) -> None:
    async with raw_server(reset_the_second_time) as server:
        await exchanges.ask("GET", server.url, {}, None)
        with pytest.raises(StaleConnectionError):
            await exchanges.ask("GET", server.url, {}, None)


@pytest.mark.parametrize("start", [b"HTTP/1.1 20", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_kept_connection_that_is_closed_after_the_start_of_an_answer_is_a_failure(
    exchanges: Exchanges, start: bytes
) -> None:
    async def break_off_the_second_time(exchange: Exchange) -> None:
        await exchange.send(OK if exchange.number == 1 else start)
        if exchange.number == 2:
            await exchange.hang_up()

    async with raw_server(break_off_the_second_time) as server:
        await exchanges.ask("GET", server.url, {}, None)
        with pytest.raises(ServerDisconnectedError):
            await exchanges.ask("GET", server.url, {}, None)


async def test_a_body_that_breaks_off_is_a_failure(exchanges: Exchanges) -> None:
    async def cut_off(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")
        await exchange.hang_up()

    async with raw_server(cut_off) as server:
        with pytest.raises(ClientPayloadError):
            await exchanges.ask("GET", server.url, {}, None)


@pytest.mark.parametrize("nonsense", [b"hello\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100])
async def test_an_answer_that_is_no_http_is_a_failure(exchanges: Exchanges, nonsense: bytes) -> None:
    async with raw_server(lambda exchange: exchange.send(nonsense)) as server:
        with pytest.raises(ClientConnectionError, match="the answer is not HTTP"):
            await exchanges.ask("GET", server.url, {}, None)


async def test_bytes_after_an_answer_are_never_taken_for_the_next_one(exchanges: Exchanges) -> None:
    forged = OK + b"HTTP/1.1 500 Forged\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(lambda exchange: exchange.send(forged)) as server:
        replies = [await exchanges.ask("GET", server.url, {}, None) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]


async def test_what_a_target_says_unasked_is_never_taken_for_the_answer_to_a_later_request(
    exchanges: Exchanges,
) -> None:
    async def has_arrived() -> bool:
        return any(protocol.should_close for protocol in exchanges._kept)

    async with raw_server(answer_ok) as server:
        await exchanges.ask("GET", server.url, {}, None)
        await server.exchanges[0].send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await until(has_arrived)
        assert (await exchanges.ask("GET", server.url, {}, None)).status == 200
    assert server.connections == 2


async def test_a_cancelled_request_gives_its_connection_up(exchanges: Exchanges) -> None:
    arrived = asyncio.Event()

    async def never(exchange: Exchange) -> None:
        if exchange.connection == 1:
            arrived.set()
            await asyncio.Event().wait()
        await answer_ok(exchange)

    async with raw_server(never) as server:
        hanging = asyncio.create_task(exchanges.ask("GET", server.url, {}, None))
        await arrived.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        assert (await exchanges.ask("GET", server.url, {}, None)).status == 200
        assert server.connections == 2


async def test_a_denied_address_gets_no_connection() -> None:
    guard = TargetGuard(deny=("127.0.0.0/8",), allow=())
    async with exchanging(guard) as guarded, raw_server(answer_ok) as server:
        with pytest.raises((ClientConnectionError, TargetDeniedError), match="denied"):
            await guarded.ask("GET", server.url, {}, None)
        assert _nothing_came(server)


def _nothing_came(server: RawServer) -> bool:
    return server.connections == 0
