"""The small HTTP servers that stand for what runs on the VMs."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import aiohttp
import pytest

from services.local.ports import choose
from services.local.targets import serve
from tests.parts.waiting import until

ADDRESSES = {"db-0": "127.0.0.11", "db-1": "127.0.0.12"}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    port = choose(addresses=tuple(ADDRESSES.values()))
    stop = asyncio.Event()
    server = asyncio.create_task(serve(port, ADDRESSES, Random(1), stop))
    await until(lambda: answers(port))
    yield port
    stop.set()
    await server


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(ADDRESSES["db-1"], port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_each_vm_counts_its_own_work(port: int, session: aiohttp.ClientSession) -> None:
    async with session.post(f"http://127.0.0.11:{port}/backup") as answer:
        assert await answer.text() == "db-0 did /backup\n"
    async with session.get(f"http://127.0.0.11:{port}/") as answer:
        assert await answer.json() == {"vm": "db-0", "running": {}, "finished": {"/backup": 1}}
    async with session.get(f"http://127.0.0.12:{port}/") as answer:
        assert await answer.json() == {"vm": "db-1", "running": {}, "finished": {}}


async def test_slow_work_shows_as_running(port: int, session: aiohttp.ClientSession) -> None:
    slow = asyncio.create_task(session.get(f"http://127.0.0.11:{port}/slow?seconds=1"))

    async def is_running() -> bool:
        return (await counts(session, port))["running"] == {"/slow": 1}

    await until(is_running)
    (await slow).release()
    assert (await counts(session, port))["running"] == {}


async def counts(session: aiohttp.ClientSession, port: int) -> dict[str, object]:
    async with session.get(f"http://127.0.0.11:{port}/") as answer:
        found: dict[str, object] = await answer.json()
        return found


@pytest.mark.parametrize(
    ("path", "status"),
    [("/fail", 500), ("/fail?status=503", 503), ("/fail?status=200", 400), ("/slow?seconds=soon", 400)],
)
async def test_it_fails_as_asked(port: int, session: aiohttp.ClientSession, path: str, status: int) -> None:
    async with session.get(f"http://127.0.0.11:{port}{path}") as answer:
        assert answer.status == status
