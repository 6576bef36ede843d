"""The demo collection: jobs that start every few seconds, one for each way an event can meet them."""

from collections.abc import Iterator

import aiohttp

from services.local.errors import DemoError

COLLECTION = "demo"

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
    collection = f"{api}/api/v1/collections/{COLLECTION}"
    async with session.get(collection) as answer:
        is_there = answer.status == 200
    if not is_there:
        await _write(session, "PUT", collection, {})
    if is_there and not moved:
        return
    for name, document in documents(targets_port):
        url = f"{collection}/jobs/{name}"
        if is_there:
            await _write(session, "PATCH", url, {"action": document["action"]}, accepted=(200, 404))
        else:
            await _write(session, "PUT", url, document)


async def _write(
    session: aiohttp.ClientSession, method: str, url: str, document: Document, accepted: tuple[int, ...] = (200, 201)
) -> None:
    async with session.request(method, url, json=document) as answer:
        if answer.status not in accepted:
            raise DemoError(f"{method} {url} was answered {answer.status}: {await answer.text()}")
