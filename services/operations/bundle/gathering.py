"""Asks whoever can be asked: operations ports, the API, the database, log files."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientSession, ClientTimeout

from services.client.api.connection import Connection
from services.client.api.paths import path
from services.operations.bundle.pages import Pages
from services.operations.bundle.shapes import Document, collection_shape, event_shape, host_shape, job_shape
from services.scheduler.store.dumps import Shape, Snapshot
from services.scheduler.store.open import open_dumps
from shared.clock import from_epoch_ms

_PATIENCE = ClientTimeout(total=10)
_MOST_TEXT = 4 << 20
_CHUNK = 1 << 16
_LOG_END = 1 << 20
_MOST_LOGS = 40
_MOST_ROWS = 200
_MOST_HOSTS = 10_000
"""Whose names are learned: logs may tell of hosts that the bundle does not list."""
_LONGEST_COUNT = 120
_REPLICA = ("replica", "fence", "lease_until", "guarded")


async def ask_ports(pages: Pages, ports: Iterable[str]) -> None:
    """Read metrics, readiness and log level of services at `host:port`."""
    async with ClientSession(timeout=_PATIENCE, trust_env=False) as session:
        for port in ports:
            for route in ("metrics", "readyz", "loglevel"):
                with pages.having(f"{route} of {port}"):
                    text = await _text(session, f"http://{port}/{route}")
                    pages.add(f"services/{_plain(port)}/{route}.txt", f"/{route} of {port}", text)


async def _text(session: ClientSession, url: str) -> str:
    async with session.get(url, allow_redirects=False) as reply:
        content = bytearray()
        async for chunk in reply.content.iter_chunked(_CHUNK):  # a single read gives what has come by then
            content += chunk
            if len(content) >= _MOST_TEXT:
                break
        return f"# {reply.status}\n{content[:_MOST_TEXT].decode(errors='replace')}"


async def ask_api(pages: Pages, connection: Connection) -> list[str]:
    """Read hosts, events, collections and a sample of jobs; return the names of hosts."""
    names: list[str] = []
    for name, shape in (("hosts", host_shape), ("events", event_shape), ("collections", collection_shape)):
        with pages.having(f"{name} of the API"):
            rows = await connection.list_all(path(name), limit=_MOST_HOSTS if name == "hosts" else _MOST_ROWS)
            shown = _shaped(rows[:_MOST_ROWS], shape)
            pages.add_document(f"{name}.json", f"{name}, without what anybody wrote about them", shown)
            if name == "hosts":
                names = [str(word) for host in rows for word in (host.get("host"), host.get("name")) if word]
            if name == "collections":
                await _ask_jobs(pages, connection, rows)
    return names


async def _ask_jobs(pages: Pages, connection: Connection, collections: Sequence[Document]) -> None:
    jobs: list[Document] = []
    for collection in collections:
        if len(jobs) < _MOST_ROWS:
            rows = await connection.list_all(path("collections", str(collection["name"]), "jobs"), limit=50)
            jobs += rows
    what = f"up to 50 jobs of each collection, {_MOST_ROWS} in all: what they are like, not what they send"
    pages.add_document("jobs.json", what, _shaped(jobs[:_MOST_ROWS], job_shape))


def _shaped(rows: Iterable[Document], shape: Callable[[Document], Document]) -> list[Document]:
    return [shape(row) for row in rows if isinstance(row, dict)]


async def ask_store(pages: Pages, url: str) -> list[str]:
    """Count what is in the database; return the names of replicas."""
    names: list[str] = []
    with pages.having("the database"):
        async with asyncio.timeout(_LONGEST_COUNT), open_dumps(url).snapshot() as snapshot:
            sizes = {table: msgspec.to_builtins(size) for table, size in (await snapshot.sizes()).items()}
            replicas = [row async for row in _replicas(snapshot)]
            found = {"engine": snapshot.engine, "level": snapshot.level, "tables": sizes, "replicas": replicas}
            pages.add_document("database.json", "schema level, sizes of tables, replicas that are registered", found)
            names = [str(row["replica"]) for row in replicas]
    return names


async def _replicas(snapshot: Snapshot) -> Any:
    for shape in snapshot.shapes:
        if shape.table == "replicas":
            async for page in snapshot.pages(shape):
                for row in page:
                    yield _replica(shape, row)


def _replica(shape: Shape, row: Sequence[Any]) -> dict[str, object]:
    values = dict(zip(shape.columns, row, strict=True))
    until = from_epoch_ms(values["lease_until"])
    return {name: values[name] for name in _REPLICA if name in values} | {"lease_until": until}


def read_logs(pages: Pages, files: Iterable[Path]) -> None:
    """Take the end of each log file along."""
    for number, file in enumerate(files):
        if number == _MOST_LOGS:
            pages.lacking.append(f"log files beyond the first {_MOST_LOGS}")
            return
        with pages.having(f"log file {file}"):
            pages.add(f"logs/{number:02}-{_plain(file.name)}", f"the end of {file.name}", _end(file))


def _end(file: Path) -> str:
    with file.open("rb") as log:
        size = log.seek(0, 2)
        log.seek(max(0, size - _LOG_END))
        text = log.read().decode(errors="replace")
    return text if size <= _LOG_END else text.partition("\n")[2]


def _plain(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "._-" else "_" for sign in name)[:100]
