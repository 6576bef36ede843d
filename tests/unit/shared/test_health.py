"""The check that HEALTHCHECK and exec probes run: exit code 0 for yes, 1 for anything else, and one line on why."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping

import pytest
from prometheus_client import CollectorRegistry

from shared.health import main, reachable
from shared.ops import OpsServer
from shared.settings import Listen, parse_listen


class Service:
    """An operations port, and what is missing there."""

    def __init__(self) -> None:
        self.missing: Mapping[str, str] = {}
        self.server = OpsServer(Listen("127.0.0.1", 0), CollectorRegistry(), lambda: self.missing)

    async def asked(self, *arguments: str, host: str = "127.0.0.1") -> int:
        variables = {"LEEWARD_OPS_LISTEN": f"{host}:{self.server.port}"}
        return await asyncio.to_thread(main, variables, arguments)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    running = Service()
    async with running.server:
        yield running


async def test_a_service_that_lives_is_healthy_whatever_it_misses(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.missing = {"bus": "not connected"}
    assert await service.asked() == 0
    assert capsys.readouterr().out == f"http://127.0.0.1:{service.server.port}/livez: ok\n"


async def test_readiness_can_be_asked_for_and_says_what_is_missing(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await service.asked("/readyz") == 0
    service.missing = {"bus": "not connected", "store": "no answer"}
    assert await service.asked("/readyz") == 1
    assert capsys.readouterr().err.endswith("/readyz: 503 bus: not connected; store: no answer\n")


async def test_who_listens_on_all_addresses_is_asked_on_loopback(service: Service) -> None:
    assert await service.asked(host="0.0.0.0") == 0
    asked = {text: str(reachable(parse_listen(text))) for text in ("0.0.0.0:1", "[::]:1", "[fe80::2]:1", "ops:1")}
    assert asked == {"0.0.0.0:1": "127.0.0.1:1", "[::]:1": "[::1]:1", "[fe80::2]:1": "[fe80::2]:1", "ops:1": "ops:1"}


def test_nobody_there_is_no_yes(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert main({"LEEWARD_OPS_LISTEN": f"127.0.0.1:{port}"}, ()) == 1
    told = capsys.readouterr().err
    assert (told.startswith(f"http://127.0.0.1:{port}/livez: "), "refused" in told, told.count("\n")) == (True, True, 1)


def test_something_else_that_answers_is_no_yes(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        other.settimeout(5)
        answer = asyncio.run(_ask_while_answering(other, port))
    assert (answer, capsys.readouterr().err) == (1, f"http://127.0.0.1:{port}/livez: this is no HTTP: SSH-2.0-x\n")


@pytest.mark.parametrize(
    ("variables", "arguments", "told"),
    [
        ({}, (), "LEEWARD_OPS_LISTEN=: write host:port"),
        ({"LEEWARD_OPS_LISTEN": "9464"}, (), "LEEWARD_OPS_LISTEN=9464: write host:port"),
        ({"LEEWARD_OPS_LISTEN": "127.0.0.1:0"}, (), "write the port itself"),
        ({"LEEWARD_OPS_LISTEN": "127.0.0.1:1"}, ("/metrics",), "usage: python -m shared.health [/livez|/readyz]"),
    ],
)
def test_what_cannot_be_asked_says_what_to_write(
    variables: dict[str, str], arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(variables, arguments) == 1
    assert told in capsys.readouterr().err


async def _ask_while_answering(other: socket.socket, port: int) -> int:
    asking = asyncio.create_task(asyncio.to_thread(main, {"LEEWARD_OPS_LISTEN": f"127.0.0.1:{port}"}, ()))
    connection, _ = await asyncio.to_thread(other.accept)
    with connection:
        connection.sendall(b"SSH-2.0-x\r\n")
        return await asking
