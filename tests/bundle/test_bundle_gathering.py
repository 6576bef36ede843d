"""What a bundle asks of services that answer a lot."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.client.api.connection import Connection
from services.operations.bundle.gathering import ask_api, ask_ports
from services.operations.bundle.pages import Pages

METRICS = "leeward_executions_total 1\n" * 50_000
HOSTS = [{"host": f"vm-{number}"} for number in range(250)]


async def metrics(_: web.Request) -> web.Response:
    """Answer with more than comes at once."""
    return web.Response(text=METRICS)


async def rows(request: web.Request) -> web.Response:
    """Answer with a page of hosts, and with no rows of anything else."""
    start = int(request.query.get("$skip", 0))
    found = HOSTS[start : start + 100] if request.match_info["what"] == "hosts" else []
    more = {"nextLink": str(request.url.update_query({"$skip": start + 100}))} if len(found) == 100 else {}
    return web.json_response({"value": found, **more})


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    """Run both kinds of port in one."""
    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/api/v1/{what}", rows)])
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield server


async def test_a_long_answer_is_taken_along_to_its_end(server: TestServer) -> None:
    pages = Pages([])
    await ask_ports(pages, [f"127.0.0.1:{server.port}"])
    assert pages.masked()[f"services/127.0.0.1_{server.port}/metrics.txt"] == f"# 200\n{METRICS}"


async def test_names_of_hosts_are_learned_also_of_those_that_are_not_listed(server: TestServer) -> None:
    pages = Pages([])
    async with Connection(f"http://127.0.0.1:{server.port}") as connection:
        names = await ask_api(pages, connection)
    assert names == [host["host"] for host in HOSTS]
    assert len(json.loads(pages.masked()["hosts.json"])) == 200
