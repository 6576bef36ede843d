"""Basic authentication and signatures: what a target is shown, and what history keeps of it."""

import base64
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.domain.actions import BasicAuthentication, HttpCall
from services.scheduler.domain.callers import Scope
from services.scheduler.domain.executions import occurrence_id
from services.scheduler.domain.secrets import EnvironmentSecret, Secret
from tests.parts.builders import NOON, occurrence
from tests.parts.http import http_caller
from tests.parts.raw_server import Exchange, RawServer, Script, answer_ok, raw_server
from tests.parts.secrets import PlainKeeper
from tests.parts.speaking import keeping, run, text
from tests.parts.vaults import HOME

PASSWORD = "pässword: with blanks"
SECRET = f"whsec_{base64.b64encode(b'a signing secret of 32 bytes....').decode()}"
OTHER = f"whsec_{base64.b64encode(b'another one, to replace it......').decode()}"
KEEPER = PlainKeeper()


@pytest.fixture
async def caller() -> AsyncIterator[HttpCaller]:
    async with http_caller(secrets=KEEPER) as opened:
        yield opened


def basic(server: RawServer, password: Secret | None = None, **more: object) -> HttpCall:
    authentication = BasicAuthentication(username="user", password=password or text(PASSWORD))
    return HttpCall(method="GET", uri=server.url, authentication=authentication, **more)  # type: ignore[arg-type]


def fields(server: RawServer) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in server.exchanges[-1].lines[1:])


async def test_user_and_password_are_shown_in_utf_8(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        assert (await run(caller, keeping(basic(server), KEEPER))).succeeded
    kind, _, shown = fields(server)["authorization"].partition(" ")
    assert (kind, base64.b64decode(shown).decode()) == ("Basic", f"user:{PASSWORD}")


async def test_an_authorization_header_of_the_job_gives_way(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        await run(caller, keeping(basic(server, headers={"Authorization": "Bearer its-own"}), KEEPER))
    assert "its-own" not in server.exchanges[0].head


async def test_error_actions_show_secrets_of_their_own(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        answer = await run(caller, keeping(basic(server), KEEPER, in_error_action=True), error_action=True)
    assert answer.succeeded
    assert "authorization" in fields(server)


async def test_a_user_name_with_a_colon_is_no_user_name(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        colon = BasicAuthentication(username="us:er", password=text(PASSWORD))
        answer = await run(caller, keeping(HttpCall(method="GET", uri=server.url, authentication=colon), KEEPER))
    assert (answer.retryable, server.connections) == (False, 0)
    assert "may not hold ':'" in answer.message


async def test_a_secret_that_is_not_there_may_come(caller: HttpCaller) -> None:
    reference = EnvironmentSecret(name="MISSING", scope=Scope(HOME, "demo"))
    async with raw_server(answer_ok) as server:
        answer = await run(caller, keeping(basic(server, reference), KEEPER))
    assert (answer.succeeded, answer.retryable, server.connections) == (False, True, 0)
    assert answer.message.endswith("failed: action.request.authentication.password: MISSING is not there")


async def test_a_secret_of_another_place_is_refused_for_good(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server, raw_server(answer_ok) as other:
        owner = keeping(basic(other), KEEPER)
        kept = owner.definition.action.call
        assert isinstance(kept, HttpCall)
        answer = await caller.call(msgspec.structs.replace(kept, uri=server.url), owner, occurrence(owner), None)
    assert (answer.retryable, server.connections, other.connections) == (False, 0, 0)


def echoing(part: Callable[[Exchange], str]) -> Script:
    """Repeat a part of a request, as debugging targets do, in a header and in the body."""

    async def echo(exchange: Exchange) -> None:
        told = part(exchange).encode()
        await exchange.send(
            b"HTTP/1.1 500 %b\r\nX-Told: %b\r\nContent-Length: %d\r\n\r\n%b" % (told, told, len(told), told)
        )

    return echo


def _authorization(exchange: Exchange) -> str:
    return next(line for line in exchange.lines if line.startswith("authorization"))


@pytest.mark.parametrize(
    "spelling",
    [
        _authorization,
        lambda exchange: PASSWORD,
        lambda exchange: "p%C3%A4ssword%3A%20with%20blanks",
        lambda exchange: "p%C3%A4ssword%3A+with+blanks",
        lambda exchange: '{"pw": "p\\u00e4ssword: with blanks"}',
        lambda exchange: base64.b64encode(PASSWORD.encode()).decode(),
    ],
)
async def test_what_a_target_repeats_of_a_secret_is_masked(
    caller: HttpCaller, spelling: Callable[[Exchange], str]
) -> None:
    async with raw_server(echoing(spelling)) as server:
        message = (await run(caller, keeping(basic(server), KEEPER))).message
    assert message.count("***") >= 3
    assert "ssword" not in message
    assert base64.b64encode(f"user:{PASSWORD}".encode()).decode() not in message


async def test_a_secret_at_the_end_of_what_is_kept_is_masked_before_the_cut(caller: HttpCaller) -> None:
    told = "x" * 2040 + "secret-password"
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(told)}\r\n\r\n{told}".encode()
    async with raw_server(lambda exchange: exchange.send(answer)) as server:
        message = (await run(caller, keeping(basic(server, text("secret-password")), KEEPER))).message
    assert message.endswith("x" * 2040 + "***")


@pytest.mark.parametrize(
    "answer",
    [
        "echo: {}\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno field {}\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-Told: {}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n",
    ],
)
async def test_what_is_no_http_is_masked_too(caller: HttpCaller, answer: str) -> None:
    async def echo(exchange: Exchange) -> None:
        await exchange.send(answer.format(PASSWORD).encode())
        await exchange.hang_up()

    async with raw_server(echo) as server:
        came = await run(caller, keeping(basic(server), KEEPER))
    assert not came.succeeded
    assert "ssword" not in came.message


def signed(server: RawServer, secret: str, body: str | None = '{"a": "ü"}') -> HttpCall:
    return HttpCall(method="POST", uri=server.url, body=body, signing=text(secret))


@pytest.mark.parametrize("secret", [SECRET, f"{OTHER} {SECRET}", f" {SECRET}\n{OTHER}\n"])
async def test_the_library_of_standard_webhooks_accepts_a_signed_request(caller: HttpCaller, secret: str) -> None:
    async with raw_server(answer_ok) as server:
        assert (await run(caller, keeping(signed(server, secret), KEEPER))).succeeded
    told = Webhook(SECRET).verify(server.exchanges[0].body, fields(server))
    assert told == {"a": "ü"}
    assert fields(server)["webhook-id"] == occurrence_id("uid-1", NOON)


async def test_a_request_changed_on_its_way_is_not_accepted(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        await run(caller, keeping(signed(server, SECRET), KEEPER))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"a": "u"}', fields(server))
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(server.exchanges[0].body, fields(server))


async def test_a_request_without_a_body_is_signed_as_well(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        await run(caller, keeping(signed(server, SECRET, body=None), KEEPER))
    Webhook(SECRET).verify(b"", fields(server), json_parse=False)  # raises what a wrong signature is told by
    assert server.exchanges[0].body == b""


async def test_a_request_is_dated_whether_it_is_signed_or_not(caller: HttpCaller) -> None:
    given = {"webhook-timestamp": "1", "webhook-signature": "v1,its-own"}
    async with raw_server(answer_ok) as server:
        await run(caller, keeping(HttpCall(method="GET", uri=server.url, headers=given), KEEPER))
    assert int(fields(server)["webhook-timestamp"]) > 1_700_000_000
    assert "webhook-signature" not in fields(server)


async def test_a_referred_secret_that_cannot_sign_is_a_final_failure(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as server:
        answer = await run(caller, keeping(signed(server, "whsec_c2hvcnQ="), KEEPER))
    assert (answer.retryable, server.connections) == (False, 0)
    assert answer.message.endswith("the webhook secret holds 5 bytes after whsec_; use 24 to 64 random ones")
