"""The demo collection: jobs that start every few seconds, one for each way an event can meet them."""

import asyncio
from collections.abc import Iterator
from typing import Final

import aiohttp

from services.local.errors import DemoError
from shared.retry import Backoff

COLLECTION: Final = "demo"
_LIMIT_SECONDS: Final = 30

Document = dict[str, object]


def documents(targets_port: int) -> Iterator[tuple[str, Document]]:
    """Yield name and document of each job; `{host}` becomes the address of the VM that a run is sent to."""
    vm = f"http://{{host}}:{targets_port}"
    yield "db-backup", _job(f"{vm}/backup", 2, {"host": "db-0", "pool": "db"}, "Reroute")
    yield "db-report", _job(f"{vm}/slow?seconds=8", 10, {"host": "db-0", "pool": "db"}, "Reroute")
    yield "db-vacuum", _job(f"{vm}/vacuum", 4, {"host": "db-0"}, "Hold")
    yield "web-warm-cache", _job(f"{vm}/warm-cache", 3, {"host": "web-0"}, "Hold")
    yield "heartbeat", _job(f"http://127.0.0.1:{targets_port}/heartbeat", 5, None, None)


def _job(uri: str, seconds: int, placement: Document | None, strategy: str | None) -> Document:
    job: Document = {
        "action": {"type": "http", "request": {"method": "POST", "uri": uri}},
        "recurrence": {"frequency": "Second", "interval": seconds},
        "tags": {"made-by": "leeward-up"},
    }
    if placement is not None:
        job["placement"] = placement
    if strategy is not None:
        job["maintenance"] = {"strategy": strategy}
    return job


async def ensure_demo(session: aiohttp.ClientSession, api: str, targets_port: int, *, moved: bool) -> None:
    """Create the collection with its jobs unless it is there. Raises DemoError.

    `moved`: the targets listen elsewhere than last time, so those jobs that are still there are told.
    """
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            await _ensure(session, f"{api}/api/v1/collections/{COLLECTION}", targets_port, moved=moved)
    except TimeoutError as fault:
        raise DemoError(f"the scheduler at {api} did not take the demo jobs in {_LIMIT_SECONDS} s") from fault


async def _ensure(session: aiohttp.ClientSession, collection: str, targets_port: int, *, moved: bool) -> None:
    status, _ = await _ask(session, "GET", collection)
    is_there = status == 200
    if is_there and not moved:
        return
    if not is_there:
        await _write(session, "PUT", collection, {})
    for name, document in documents(targets_port):
        url = f"{collection}/jobs/{name}"
        if is_there:
            await _write(session, "PATCH", url, {"action": document["action"]}, accepted=(200, 404))
        else:
            await _write(session, "PUT", url, document)


async def _write(
    session: aiohttp.ClientSession, method: str, url: str, document: Document, accepted: tuple[int, ...] = (200, 201)
) -> None:
    status, text = await _ask(session, method, url, document)
    if status not in accepted:
        raise DemoError(f"{method} {url} was answered {status}: {text}")


async def _ask(
    session: aiohttp.ClientSession, method: str, url: str, document: Document | None = None
) -> tuple[int, str]:
    """Return status and text of the answer; a scheduler that was killed meanwhile is waited for."""
    backoff = Backoff(first=0.2, limit=2)
    while True:
        try:
            async with session.request(method, url, json=document) as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(backoff.next())
