"""Names that change their answer, redirects and proxies: ways around a check that is made too early."""

from collections.abc import Sequence

import pytest

from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import HttpCall
from tests.parts.builders import host, job, occurrence
from tests.parts.canary import Canary, Names, WatchedGuard, canary
from tests.parts.http import http_caller
from tests.parts.raw_server import answer_ok, raw_server
from tests.parts.secrets import PlainKeeper
from tests.parts.speaking import keeping, run

GOOD = "127.0.0.2/32"


async def ask(caller: HttpCaller, listening: Canary, name: str = "good.test") -> Answer:
    call = HttpCall(method="GET", uri=f"http://{name}:{listening.port}/")
    return await run(caller, keeping(call, PlainKeeper()))


@pytest.mark.parametrize(
    "answer",
    ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "168.63.129.16", "fe80::1%lo", "64:ff9b::7f00:1"],
)
async def test_a_name_is_as_good_as_the_address_behind_it(answer: str) -> None:
    guard = WatchedGuard()
    async with http_caller(guard=guard, resolver=Names(answer)) as caller, canary() as listening:
        came = await ask(caller, listening)
    assert (guard.opened, listening.connections, came.retryable) == ([], 0, False)
    assert "is denied (LEEWARD_TARGETS_DENY)" in came.message


@pytest.mark.parametrize(
    "name",
    ["127.0.0.1.", "localhost.", "127.0.0.1%00.good.test", "%31%32%37.0.0.1", "good.test%40127.0.0.1", "0x7f000001."],
)
async def test_names_that_look_like_addresses_are_names(name: str) -> None:
    names, guard = Names("127.0.0.1"), WatchedGuard()
    async with http_caller(guard=guard, resolver=names) as caller, canary() as listening:
        came = await ask(caller, listening, name)
    assert (guard.opened, listening.connections, came.succeeded) == ([], 0, False)


async def test_a_name_that_moves_between_calls_is_checked_at_each() -> None:
    names, guard = Names("127.0.0.2", "127.0.0.1"), WatchedGuard(allow=(GOOD,))
    async with canary("127.0.0.1", "127.0.0.2") as listening:
        answers = []
        for _ in range(4):  # a process for each call: one remembers names for some seconds
            async with http_caller(guard=guard, resolver=names) as caller:
                answers.append((await ask(caller, listening)).succeeded)
    assert answers == [True, False, True, False]
    assert guard.opened == ["127.0.0.2", "127.0.0.2"]
    assert listening.connections == 2


@pytest.mark.parametrize("answer", ["127.0.0.3,127.0.0.1", "127.0.0.1,127.0.0.3"])
async def test_of_several_addresses_none_that_is_denied_is_tried(answer: str) -> None:
    guard = WatchedGuard(allow=("127.0.0.3/32",))
    async with http_caller(guard=guard, resolver=Names(answer)) as caller, canary("127.0.0.1") as listening:
        came = await ask(caller, listening)  # nobody listens on the address that is allowed
    assert (came.succeeded, listening.connections) == (False, 0)
    assert set(guard.opened) <= {"127.0.0.3"}


async def test_a_kept_connection_stays_with_the_address_that_was_checked() -> None:
    names, guard = Names("127.0.0.1", "169.254.169.254"), WatchedGuard(allow=("127.0.0.1/32",))
    async with http_caller(guard=guard, resolver=names) as caller, raw_server(answer_ok) as server:
        for _ in range(3):
            call = HttpCall(method="GET", uri=f"http://good.test:{server.port}/")
            assert (await run(caller, keeping(call, PlainKeeper()))).succeeded
    assert (server.connections, guard.opened) == (1, ["127.0.0.1"])


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_a_redirect_to_a_denied_address_goes_nowhere(status: int) -> None:
    guard = WatchedGuard(allow=("127.0.0.1/32",))
    async with canary("127.0.0.2") as listening:
        location = f"http://127.0.0.2:{listening.port}/"
        fields = f"Location: {location}\r\nRefresh: 0; url={location}\r\nContent-Location: {location}\r\n"
        reply = f"HTTP/1.1 {status} Elsewhere\r\n{fields}Content-Length: 0\r\n\r\n".encode()
        async with http_caller(guard=guard) as caller, raw_server(lambda exchange: exchange.send(reply)) as server:
            answer = await run(caller, keeping(HttpCall(method="GET", uri=server.url), PlainKeeper()))
    assert (answer.succeeded, listening.connections, len(server.exchanges)) == (False, 0, 1)


PROXIES: Sequence[str] = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def test_proxies_in_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = WatchedGuard(allow=("127.0.0.1/32",))
    async with canary("127.0.0.1") as proxy, canary("127.0.0.2") as denied, canary("127.0.0.1") as target:
        for name in PROXIES:
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with http_caller(guard=guard) as caller:
            assert (await ask(caller, target, "127.0.0.1")).succeeded
            refused = await ask(caller, denied, "127.0.0.2")
    assert (proxy.connections, target.connections, denied.connections) == (0, 1, 0)
    assert refused.message.endswith("target address 127.0.0.2 is denied (LEEWARD_TARGETS_DENY)")


@pytest.mark.parametrize("told", ["127.0.0.1", "[::1]", "::1", "good.test@127.0.0.1", "127.0.0.1/?", "127.0.0.1#"])
async def test_what_a_machine_says_of_its_address_is_checked_like_any_other(told: str) -> None:
    guard, on = WatchedGuard(), host("db-0", addresses=(told,))
    async with http_caller(guard=guard, resolver=Names("127.0.0.1")) as caller, canary() as listening:
        call = HttpCall(method="GET", uri=f"http://{{host}}:{listening.port}/")
        answer = await caller.call(call, job(), occurrence(), on)
    assert (guard.opened, listening.connections, answer.retryable) == ([], 0, False)
