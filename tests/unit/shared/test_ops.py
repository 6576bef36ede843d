"""The operations port."""

import asyncio
import socket

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from shared.ops import OpsServer
from shared.settings import Listen, SettingsError

ANY_PORT = Listen("127.0.0.1", 0)


async def fetch(server: OpsServer, path: str) -> tuple[int, str, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text(), response.headers["Content-Type"]


async def test_a_process_is_ready_when_nothing_is_missing() -> None:
    missing: dict[str, str] = {"bus": "not connected", "store": "locked"}
    async with OpsServer(ANY_PORT, CollectorRegistry(), lambda: missing) as server:
        status, text, _ = await fetch(server, "/readyz")
        assert (status, text) == (503, "bus: not connected\nstore: locked\n")
        assert (await fetch(server, "/livez"))[:2] == (200, "ok\n")
        missing.clear()
        assert (await fetch(server, "/readyz"))[:2] == (200, "ok\n")


async def test_the_metrics_of_the_given_registry_are_exposed() -> None:
    registry = CollectorRegistry()
    Counter("leeward_tries", "Tries.", registry=registry).inc()
    async with OpsServer(ANY_PORT, registry, dict) as server:
        status, text, kind = await fetch(server, "/metrics")
    assert status == 200
    assert "leeward_tries_total 1.0" in text
    assert kind.startswith("text/plain")
    assert "charset=utf-8" in kind


async def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = Listen("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(SettingsError, match=f"cannot listen on {listen}: .*in use"):
            async with OpsServer(listen, CollectorRegistry(), dict):
                pass


async def test_a_request_that_cannot_be_read_leaves_nothing_of_it_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with OpsServer(ANY_PORT, CollectorRegistry(), dict) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer canary\r\n\r\n")
        assert b" 400 " in await reader.readline()
        writer.close()
    assert caplog.records == []
