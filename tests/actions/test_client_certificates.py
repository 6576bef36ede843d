"""Client certificates, shown to real TLS servers that ask for them."""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.domain.actions import ClientCertificate, HttpCall
from services.scheduler.domain.callers import Scope
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secrets import FileSecret
from services.scheduler.vault.pfx_files import PfxFiles
from tests.parts.certificates import LOCAL, Authority, Identity, self_signed
from tests.parts.clocks import SteppedClock
from tests.parts.dear_pfx import dear_pfx
from tests.parts.http import http_caller
from tests.parts.raw_server import RawServer, answer_ok, raw_server
from tests.parts.readers import counted, doing, readers, starts
from tests.parts.secrets import PlainKeeper
from tests.parts.speaking import keeping, run, text
from tests.parts.vaults import HOME

AUTHORITY = Authority()
CLIENT, OTHER = AUTHORITY.certify("client"), AUTHORITY.certify("other")
FILES = {"client.pfx": ""}
KEEPER = PlainKeeper(files=FILES)


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[HttpCaller]:
    async with http_caller(secrets=KEEPER, authorities=AUTHORITY.file(tmp_path)) as opened:
        yield opened


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    serving = AUTHORITY.certify("localhost", *LOCAL).serving(clients_of=AUTHORITY)
    async with raw_server(answer_ok, tls=serving) as opened:
        yield opened


@asynccontextmanager
async def refusing(tls: ssl.SSLContext) -> AsyncIterator[str]:
    """Give the address of a server that tells a client whose certificate it refuses; asyncio's only hangs up."""

    def refuse() -> None:
        with tls.wrap_socket(listening.accept()[0], server_side=True, do_handshake_on_connect=False) as connection:
            with suppress(ssl.SSLError):
                connection.do_handshake()
            connection.shutdown(socket.SHUT_WR)
            while os.read(connection.fileno(), 4096):  # closing before it was read would reset the connection
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        refused = asyncio.create_task(asyncio.to_thread(refuse))
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/"
        await refused


def showing(uri: str, identity: Identity, password: str | None = None) -> Job:
    locked = text(password) if password else None
    certificate = ClientCertificate(pfx=text(identity.pfx(password)), password=locked)
    return keeping(HttpCall(method="GET", uri=uri, authentication=certificate), KEEPER)


def referring(server: RawServer) -> Job:
    certificate = ClientCertificate(pfx=FileSecret(name="client.pfx", scope=Scope(HOME, "demo")))
    return keeping(HttpCall(method="GET", uri=server.url, authentication=certificate), KEEPER)


@pytest.mark.parametrize("password", [None, "pfx-password"])
async def test_a_server_that_asks_for_a_certificate_gets_it(
    caller: HttpCaller, server: RawServer, password: str | None
) -> None:
    assert (await run(caller, showing(server.url, CLIENT, password))).succeeded
    assert server.exchanges[0].client == "client"


async def test_calls_with_the_same_certificate_share_connections_and_no_others_do(
    caller: HttpCaller, server: RawServer
) -> None:
    for identity in (CLIENT, OTHER, CLIENT, OTHER):
        await run(caller, showing(server.url, identity))
    assert [(exchange.connection, exchange.client) for exchange in server.exchanges] == [
        (1, "client"),
        (2, "other"),
        (1, "client"),
        (2, "other"),
    ]


async def test_a_call_without_a_certificate_never_gets_the_connection_of_one_with_it(
    caller: HttpCaller, server: RawServer
) -> None:
    await run(caller, showing(server.url, CLIENT))
    answer = await run(caller, keeping(HttpCall(method="GET", uri=server.url), KEEPER))
    assert (answer.succeeded, answer.retryable, len(server.exchanges)) == (False, True, 1)


async def test_a_file_that_is_changed_is_shown_from_the_next_call_on(caller: HttpCaller, server: RawServer) -> None:
    for identity in (CLIENT, OTHER):
        FILES["client.pfx"] = identity.pfx()
        assert (await run(caller, referring(server))).succeeded
    assert [(exchange.connection, exchange.client) for exchange in server.exchanges] == [(1, "client"), (2, "other")]


async def test_a_certificate_that_has_expired_is_not_shown(tmp_path: Path, server: RawServer) -> None:
    clock = SteppedClock()
    async with http_caller(secrets=KEEPER, clock=clock, authorities=AUTHORITY.file(tmp_path)) as caller:
        assert (await run(caller, showing(server.url, CLIENT))).succeeded
        clock.step(timedelta(days=2))
        answer = await run(caller, showing(server.url, CLIENT))
    assert (answer.succeeded, answer.retryable, len(server.exchanges)) == (False, False, 1)
    since = CLIENT.certificate.not_valid_after_utc
    assert answer.message.endswith(f"CN=client has been expired since {since:%Y-%m-%dT%H:%M:%SZ}")


async def test_a_file_that_is_no_certificate_is_a_final_failure(caller: HttpCaller, server: RawServer) -> None:
    FILES["client.pfx"] = "nonsense!"
    answer = await run(caller, referring(server))
    assert (answer.succeeded, answer.retryable, server.connections) == (False, False, 0)
    assert answer.message.endswith("failed: the client certificate is not base64")


async def test_a_file_that_takes_too_long_to_open_is_a_final_failure(tmp_path: Path, server: RawServer) -> None:
    FILES["client.pfx"] = dear_pfx()
    certificate = ClientCertificate(pfx=FileSecret(name="client.pfx", scope=Scope(HOME, "demo")), password=text("dear"))
    job = keeping(HttpCall(method="GET", uri=server.url, authentication=certificate), KEEPER)
    files = PfxFiles(cpu_seconds=1)
    async with http_caller(secrets=KEEPER, authorities=AUTHORITY.file(tmp_path), pfx_files=files) as caller:
        answer = await run(caller, job)
    assert (answer.succeeded, answer.retryable, server.connections, readers()) == (False, False, 0, [])
    assert "failed: the client certificate takes too long to open" in answer.message


async def test_calls_that_come_due_together_open_their_file_once(tmp_path: Path, server: RawServer) -> None:
    log, authorities = tmp_path / "starts", AUTHORITY.file(tmp_path)
    files = PfxFiles(reader=counted(log))
    async with http_caller(secrets=KEEPER, authorities=authorities, pfx_files=files) as caller:
        answers = await asyncio.gather(*(run(caller, showing(server.url, CLIENT)) for _ in range(20)))
    assert ([answer.succeeded for answer in answers], starts(log)) == ([True] * 20, 1)


async def test_a_file_that_was_not_opened_in_time_is_tried_again(tmp_path: Path, server: RawServer) -> None:
    files = PfxFiles(reader=doing("import time; time.sleep(60)"), wall_seconds=0.2)
    async with http_caller(secrets=KEEPER, authorities=AUTHORITY.file(tmp_path), pfx_files=files) as caller:
        answer = await run(caller, showing(server.url, CLIENT))
    assert (answer.succeeded, answer.retryable, server.connections) == (False, True, 0)
    assert answer.message.endswith("the client certificate was not opened in time; try again in a moment")


async def test_a_certificate_the_server_does_not_know_fails(caller: HttpCaller, server: RawServer) -> None:
    answer = await run(caller, showing(server.url, self_signed("stranger")))
    assert (answer.succeeded, answer.retryable, server.exchanges) == (False, True, [])


@pytest.mark.parametrize(("identity", "why"), [(None, "certificate required"), (self_signed("stranger"), "unknown ca")])
async def test_what_a_server_has_against_a_certificate_is_told(
    caller: HttpCaller, identity: Identity | None, why: str
) -> None:
    async with refusing(AUTHORITY.certify("localhost", *LOCAL).serving(clients_of=AUTHORITY)) as uri:
        plain = HttpCall(method="GET", uri=uri)
        answer = await run(caller, keeping(plain, KEEPER) if identity is None else showing(uri, identity))
    assert (answer.succeeded, answer.retryable) == (False, True)
    assert answer.message.endswith(f"failed: TLS failed: tlsv1{'3' * (identity is None)} alert {why}")


async def test_a_certificate_is_shown_over_https_only(caller: HttpCaller) -> None:
    async with raw_server(answer_ok) as plain:
        answer = await run(caller, showing(plain.url, CLIENT))
    assert (answer.retryable, plain.connections) == (False, 0)
    assert answer.message.endswith("a client certificate is shown over https only")


async def test_a_certificate_of_yesterday_is_not_shown_either(caller: HttpCaller, server: RawServer) -> None:
    expired = AUTHORITY.certify("late", expires=datetime.now(UTC) - timedelta(days=1))
    answer = await run(caller, showing(server.url, expired))
    assert (answer.retryable, server.connections) == (False, 0)
