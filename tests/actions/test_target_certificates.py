"""Targets' certificates: which are accepted, and what history says of the others."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.scheduler.dispatch.actions.http import HttpCaller
from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import HttpCall
from tests.parts.certificates import LOCAL, Authority, Identity, self_signed
from tests.parts.http import http_caller
from tests.parts.raw_server import answer_ok, raw_server
from tests.parts.secrets import PlainKeeper
from tests.parts.speaking import keeping, run

AUTHORITY = Authority()


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[HttpCaller]:
    async with http_caller(authorities=AUTHORITY.file(tmp_path)) as opened:
        yield opened


async def ask(caller: HttpCaller, tls: ssl.SSLContext) -> Answer:
    async with raw_server(answer_ok, tls=tls) as server:
        answer = await run(caller, keeping(HttpCall(method="GET", uri=server.url), PlainKeeper()))
    assert len(server.exchanges) == (1 if answer.succeeded else 0)
    return answer


async def test_an_authority_of_the_operators_own_vouches_for_targets(caller: HttpCaller) -> None:
    assert (await ask(caller, AUTHORITY.certify("localhost", *LOCAL).serving())).succeeded


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (AUTHORITY.certify("db-0", "db-0.test"), "IP address mismatch"),
        (AUTHORITY.certify("db-0", *LOCAL, expires=datetime.now(UTC) - timedelta(days=1)), "certificate has expired"),
        (Authority("another").certify("db-0", *LOCAL), "unable to get local issuer certificate (LEEWARD_TARGETS_CA"),
        (self_signed("db-0", *LOCAL), "self-signed certificate (LEEWARD_TARGETS_CA names a file"),
    ],
    ids=["wrong host", "expired", "unknown authority", "self-signed"],
)
async def test_a_certificate_that_proves_nothing_ends_the_attempt(
    caller: HttpCaller, shown: Identity, why: str
) -> None:
    answer = await ask(caller, shown.serving())
    assert (answer.succeeded, answer.retryable) == (False, True)  # it may be renewed before the next attempt
    assert f"failed: the target's certificate was not accepted: {why}" in answer.message


async def test_versions_of_tls_before_1_2_are_not_spoken(caller: HttpCaller) -> None:
    old = AUTHORITY.certify("localhost", *LOCAL).serving()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSVersion.TLSv1_1 is deprecated"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    answer = await ask(caller, old)
    assert (answer.succeeded, answer.retryable) == (False, True)


async def test_a_target_that_speaks_no_tls_at_all_fails_clearly(caller: HttpCaller) -> None:
    async def speak_plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(speak_plain, "127.0.0.1", 0) as plain:
        uri = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/"
        answer = await run(caller, keeping(HttpCall(method="GET", uri=uri), PlainKeeper()))
    assert not answer.succeeded
    assert answer.message.endswith("failed: TLS failed: wrong version number")


async def test_the_systems_authorities_do_not_know_an_authority_of_a_test(tmp_path: Path) -> None:
    async with http_caller() as caller:
        answer = await ask(caller, AUTHORITY.certify("localhost", *LOCAL).serving())
    assert "LEEWARD_TARGETS_CA" in answer.message


async def test_the_name_in_the_address_is_the_one_that_is_verified(caller: HttpCaller) -> None:
    async with raw_server(answer_ok, tls=AUTHORITY.certify("localhost", "localhost").serving()) as server:
        for host, succeeds in (("localhost", True), ("LOCALHOST", True), ("127.0.0.1", False)):
            uri = f"https://{host}:{server.port}/"
            answer = await run(caller, keeping(HttpCall(method="GET", uri=uri), PlainKeeper()))
            assert answer.succeeded is succeeds, answer.message
