"""Denied addresses in every spelling: the real caller gets no socket for any, and history says why."""

from collections.abc import AsyncIterator

import pytest

from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.domain.actions import HttpCall
from tests.parts.canary import WatchedGuard, canary
from tests.parts.http import http_caller
from tests.parts.secrets import PlainKeeper
from tests.parts.speaking import keeping, run

LOOPBACK = [
    "127.0.0.1",
    "127.255.255.254",
    "localhost",
    "LOCALHOST",
    "ｌｏｃａｌｈｏｓｔ",
    "0.0.0.0",
    "0x7f.1",
    "0x7f000001",
    "0x7F.0x0.0x0.0x1",
    "１２７.0.0.1",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "０x7f.1",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1:7f00:0:100::]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fd00::5efe:7f00:1]",
    "good.test@127.0.0.1",
    "good.test:80@127.0.0.1",
    "good.test%2F@127.0.0.1",
]
METADATA = [
    "169.254.169.254",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1%25lo]",
    "[fe80::a9fe:a9fe]",
    "168.63.129.16",
    "[::ffff:168.63.129.16]",
    "0xa83f8110",
    "255.255.255.255",
    "224.0.0.1",
    "[ff02::1]",
]
NO_ADDRESS = [
    "2130706433",
    "017700000001",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "127.000.000.001",
    "0",
    "2852039166",
    "256.0.0.1",
    "①",
    "[127.0.0.1]",
    "[localhost]",
    "good.test\\@127.0.0.1",
    "127.0.0.1\\@good.test",
]


@pytest.fixture
def guard() -> WatchedGuard:
    return WatchedGuard()


@pytest.fixture
async def caller(guard: WatchedGuard) -> AsyncIterator[HttpCaller]:
    async with http_caller(guard=guard) as opened:
        yield opened


@pytest.mark.parametrize("in_error_action", [False, True], ids=["main", "error"])
@pytest.mark.parametrize("host", [*LOOPBACK, *METADATA])
async def test_a_denied_address_gets_no_socket_and_no_second_try(
    caller: HttpCaller, guard: WatchedGuard, host: str, in_error_action: bool
) -> None:
    async with canary() as listening:
        call = HttpCall(method="GET", uri=f"http://{host}:{listening.port}/metadata/instance")
        job = keeping(call, PlainKeeper(), in_error_action=in_error_action)
        answer = await run(caller, job, error_action=in_error_action)
    assert (guard.opened, listening.connections) == ([], 0)
    assert (answer.succeeded, answer.retryable) == (False, False), answer.message
    assert "failed: target address " in answer.message
    assert answer.message.endswith(" is denied (LEEWARD_TARGETS_DENY)")


@pytest.mark.parametrize("host", NO_ADDRESS)
async def test_what_is_neither_name_nor_address_is_no_valid_request(
    caller: HttpCaller, guard: WatchedGuard, host: str
) -> None:
    async with canary() as listening:
        call = HttpCall(method="GET", uri=f"http://{host}:{listening.port}/")
        answer = await run(caller, keeping(call, PlainKeeper()))
    assert (guard.opened, listening.connections) == ([], 0)
    assert (answer.succeeded, answer.retryable) == (False, False), answer.message
    assert "failed: not a valid request: " in answer.message


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0.0.0.0", "0x7f.1", "０x7f.1", "①②⑦.⓪.⓪.①", "[::ffff:7f00:1]", "a@127.0.0.1"]
)
async def test_these_spellings_do_reach_what_is_allowed(host: str) -> None:
    allowing = WatchedGuard(allow=("127.0.0.0/8", "0.0.0.0/8", "::1/128"))
    async with http_caller(guard=allowing) as caller, canary() as listening:
        call = HttpCall(method="GET", uri=f"http://{host}:{listening.port}/")
        assert (await run(caller, keeping(call, PlainKeeper()))).succeeded
    assert listening.connections == 1


@pytest.mark.parametrize("scheme", ["ftp", "ws", "wss", "tcp", "unix", "file", "gopher", ""])
async def test_other_schemes_are_not_spoken(caller: HttpCaller, guard: WatchedGuard, scheme: str) -> None:
    call = HttpCall(method="GET", uri=f"{scheme}://192.0.2.1/")
    answer = await run(caller, keeping(call, PlainKeeper()))
    assert (guard.opened, answer.retryable) == ([], False)
