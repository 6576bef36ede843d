"""OAuth client credentials against a real authority over HTTPS: when tokens are asked for, kept, replaced, refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.dispatch.actions.targets import TargetGuard
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import HttpCall, OAuthClient
from services.scheduler.domain.jobs import Job
from tests.parts.certificates import Authority
from tests.parts.clocks import SteppedClock
from tests.parts.http import http_caller
from tests.parts.secrets import PlainKeeper
from tests.parts.speaking import keeping, run, text
from tests.parts.token_server import AUDIENCE, CLIENTS, TENANT, TokenServer, refused, token_server

AUTHORITY = Authority()
KEEPER = PlainKeeper()


@pytest.fixture
async def server() -> AsyncIterator[TokenServer]:
    async with token_server(AUTHORITY) as opened:
        yield opened


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
async def caller(server: TokenServer, clock: SteppedClock, tmp_path: Path) -> AsyncIterator[HttpCaller]:
    trusted = AUTHORITY.file(tmp_path)
    async with http_caller(
        secrets=KEEPER, clock=clock, authority=f"{server.authority}/", authorities=trusted
    ) as opened:
        yield opened


def asking(server: TokenServer, client: str = "client-1", **more: str) -> Job:
    secret = text(more.pop("secret", CLIENTS[client]))
    named = {"tenant": TENANT, "audience": AUDIENCE, **more}
    authentication = OAuthClient(secret=secret, client_id=client, **named)
    return keeping(HttpCall(method="GET", uri=server.target, authentication=authentication), KEEPER)


async def say(status: int, body: str = "", **fields: str) -> web.Response:
    return web.Response(status=status, text=body, headers={name.replace("_", "-"): fields[name] for name in fields})


async def test_a_target_gets_a_token_for_its_audience(caller: HttpCaller, server: TokenServer) -> None:
    answer = await run(caller, asking(server))
    assert answer.succeeded
    assert answer.message.endswith("Body: hello client-1 with 1")
    asked = server.asked[0]
    assert asked.tenant == TENANT
    assert asked.form == {
        "grant_type": "client_credentials",
        "client_id": "client-1",
        "client_secret": CLIENTS["client-1"],
        "resource": AUDIENCE,
    }
    assert asked.headers["x-forwarded-for"] == "unknown"


async def test_a_token_serves_until_shortly_before_its_end(
    caller: HttpCaller, server: TokenServer, clock: SteppedClock
) -> None:
    for step, asked in ((0, 1), (54, 1), (2, 2), (54, 2)):
        clock.step(timedelta(minutes=step))
        assert (await run(caller, asking(server))).succeeded
        assert len(server.asked) == asked


async def test_a_short_lived_token_is_replaced_when_a_fifth_of_its_life_is_left(
    caller: HttpCaller, server: TokenServer, clock: SteppedClock
) -> None:
    server.lifetime = timedelta(seconds=100)
    for step, asked in ((0, 1), (79, 1), (2, 2)):
        clock.step(timedelta(seconds=step))
        await run(caller, asking(server))
        assert len(server.asked) == asked


async def test_other_clients_audiences_tenants_and_secrets_have_tokens_of_their_own(
    caller: HttpCaller, server: TokenServer
) -> None:
    await run(caller, asking(server))
    for other in (
        asking(server, "client-2"),
        asking(server, audience="https://other.example/"),
        asking(server, tenant="fabrikam.example"),
    ):
        await run(caller, other)
    assert not (await run(caller, asking(server, secret="wrong"))).succeeded
    assert len(server.asked) == 5


async def test_calls_at_the_same_time_wait_for_one_answer(caller: HttpCaller, server: TokenServer) -> None:
    server.gate.clear()
    calls = [asyncio.create_task(run(caller, asking(server))) for _ in range(20)]
    await server.came.wait()
    server.gate.set()
    assert all(answer.succeeded for answer in await asyncio.gather(*calls))
    assert len(server.asked) == 1


async def test_a_call_whose_time_is_up_does_not_end_the_wait_of_others(caller: HttpCaller, server: TokenServer) -> None:
    server.gate.clear()
    first, second = (asyncio.create_task(run(caller, asking(server))) for _ in range(2))
    await server.came.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    server.gate.set()
    assert (await second).succeeded
    assert len(server.asked) == 1


async def test_a_kept_token_that_a_target_refuses_is_replaced_within_the_attempt(
    caller: HttpCaller, server: TokenServer
) -> None:
    await run(caller, asking(server))
    server.revoked = {"1"}
    answer = await run(caller, asking(server))
    assert answer.succeeded
    assert answer.message.endswith("with 2")
    assert (len(server.asked), len(server.told)) == (2, 3)


async def test_a_target_that_refuses_fresh_tokens_is_asked_once_more_at_most(
    caller: HttpCaller, server: TokenServer
) -> None:
    server.revoked = {"1", "2"}
    first, second = await run(caller, asking(server)), await run(caller, asking(server))
    assert (first.succeeded, second.succeeded) == (False, False)
    assert "'Unauthorized'" in second.message
    assert (len(server.asked), len(server.told)) == (2, 3)


async def test_a_token_that_a_target_repeats_is_not_kept_in_history(caller: HttpCaller, server: TokenServer) -> None:
    server.revoked = {"1"}
    answer = await run(caller, asking(server))
    assert answer.message.endswith("Body: revoked: ***")
    assert server.told[0] not in answer.message


@pytest.mark.parametrize(
    ("status", "code", "number"),
    [(401, "invalid_client", 7000215), (400, "invalid_resource", 500011), (400, "unauthorized_client", 700016)],
)
async def test_what_the_authority_refuses_stays_refused_and_only_codes_are_told(
    caller: HttpCaller, server: TokenServer, status: int, code: str, number: int
) -> None:
    server.answer = lambda: _soon(refused(code, number, status=status))
    answer = await run(caller, asking(server))
    assert (answer.succeeded, answer.retryable, server.told) == (False, False, [])
    expected = (
        f"Request to host 'localhost' failed: no token from 'localhost': {code} (AADSTS{number}), status {status}"
    )
    assert answer.message.endswith(expected)


async def _soon(response: web.StreamResponse) -> web.StreamResponse:
    return response


@pytest.mark.parametrize(
    ("status", "fields", "wait"),
    [
        (429, {"Retry_After": "17"}, timedelta(seconds=17)),
        (503, {"Retry_After": "5"}, timedelta(seconds=5)),
        (500, {}, None),
        (408, {}, None),
    ],
)
async def test_an_authority_in_trouble_is_asked_again_when_it_says(
    caller: HttpCaller, server: TokenServer, status: int, fields: dict[str, str], wait: timedelta | None
) -> None:
    server.answer = lambda: say(status, "<html>CLIENTS</html>", **fields)
    answer = await run(caller, asking(server))
    assert (answer.succeeded, answer.retryable, answer.retry_after) == (False, True, wait)
    assert answer.message.endswith(f"no error code, status {status}")


@pytest.mark.parametrize(
    "body",
    [
        "no json",
        "{}",
        "[]",
        '{"access_token": 1}',
        '{"access_token": "a\\r\\nX-Evil: 1", "expires_in": 10}',
        '{"access_token": "", "expires_in": 10}',
        '{"access_token": "abc", "expires_in": "soon"}',
        '{"access_token": "abc", "expires_in": "nan"}',
        '{"access_token": "abc", "expires_in": 1e400}',
        '{"access_token": "' + "a" * 100_000 + '"}',
    ],
)
async def test_an_answer_that_is_no_token_is_a_failure_that_may_pass(
    caller: HttpCaller, server: TokenServer, body: str
) -> None:
    server.answer = lambda: say(200, body)
    answer = await run(caller, asking(server))
    assert (answer.succeeded, answer.retryable, server.told) == (False, True, [])
    assert "the answer is no " in answer.message


async def test_a_token_still_good_serves_while_the_authority_is_away(
    caller: HttpCaller, server: TokenServer, clock: SteppedClock
) -> None:
    await run(caller, asking(server))
    server.answer = lambda: say(503)
    clock.step(timedelta(minutes=57))
    assert (await run(caller, asking(server))).succeeded
    clock.step(timedelta(minutes=4))
    assert not (await run(caller, asking(server))).succeeded


async def test_an_authority_at_a_denied_address_is_a_final_failure(server: TokenServer, tmp_path: Path) -> None:
    guard = TargetGuard(deny=("127.0.0.0/8", "::1/128"), allow=())
    trusted = AUTHORITY.file(tmp_path)
    async with http_caller(guard=guard, secrets=KEEPER, authority=server.authority, authorities=trusted) as caller:
        answer = await run(caller, asking(server))
    assert (answer.succeeded, answer.retryable, server.asked) == (False, False, [])
    assert "no token from 'localhost': target address 127.0.0.1 is denied (LEEWARD_TARGETS_DENY)" in answer.message


async def test_an_authority_nobody_vouches_for_gets_no_secret(server: TokenServer) -> None:
    async with http_caller(secrets=KEEPER, authority=server.authority) as caller:
        answer = await run(caller, asking(server))
    assert (answer.retryable, server.asked) == (True, [])
    assert "certificate was not accepted" in answer.message


@pytest.mark.parametrize("tenant", ["..", "../evil", "a/b?c", "a b"])
async def test_a_tenant_cannot_change_where_the_secret_goes(
    caller: HttpCaller, server: TokenServer, tenant: str
) -> None:
    answer: Answer = await run(caller, asking(server, tenant=tenant))
    assert [asked.tenant for asked in server.asked] == ([tenant] if answer.succeeded else [])
