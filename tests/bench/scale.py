"""What a store costs as it grows: `python -m tests.bench.scale --database sqlite --jobs 1000000 --history 10000000`.

The same is measured on an empty store, on parts of the largest, and on all of it: a real scheduler process with nothing
due, its API, and the store's verbs. Compare the lines of one run with each other.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec
import psutil
from aiohttp import ClientSession

from services.scheduler.domain.executions import RETENTION_ROWS
from services.scheduler.domain.jobs import JobId
from services.scheduler.retention import BATCH as PRUNE_BATCH
from services.scheduler.retention import TRIMMED_JOBS
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from shared.clock import from_epoch_ms, to_epoch_ms
from tests.bench.filling import COLLECTION, DORMANT, Filled, execute, fill
from tests.bench.machine import processor_seconds
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.parts.postgres import Postgres
from tests.parts.programs import Program
from tests.parts.stored import SOMEWHERE, claim, finished
from tests.parts.waiting import until

PARTS = (0, 0.01, 0.1, 1)
"""The sizes at which the same is measured, as parts of the largest."""
IDLE_SECONDS = 20.0
BATCH = 500
DUE = 10_000
"""Jobs made due at once to be claimed and settled."""
TRIMMED = 500
PRUNED = 50_000
LISTED = 200
CREATED_IN_BULK = 5_000
CREATED_ONE_BY_ONE = 1_000
CONNECTIONS = 16


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, bytes, a share of one core, milliseconds, and things per second."""

    start_seconds: float
    resident: int
    idle_share: float
    create_one: float
    create_bulk: float
    delete_bulk: float
    claims: float
    settles: float
    gauges_ms: float
    counts_ms: float
    history_ms: float
    last_page_ms: float
    trimmed: float
    pruned: float


async def measure(url: str, broker: str, folder: Path, *, idle_seconds: float = IDLE_SECONDS) -> Costs:
    """Return what a store costs as it is; a few thousand jobs and rows come and go."""
    async with scheduler(url, broker, folder) as (program, api, start_seconds):
        process = psutil.Process(program.pid)
        resident, idle_share = process.memory_info().rss, await _idle_share(program, idle_seconds)
        created = await _creation(api)
    async with open_store(url) as store:
        reading = await _reading(store)
        dispatch = await _dispatch(store, url)
        deleting = await _deleting(store, url)
    return Costs(
        start_seconds=start_seconds,
        resident=resident,
        idle_share=idle_share,
        **created,
        **reading,
        **dispatch,
        **deleting,
    )


@asynccontextmanager
async def scheduler(url: str, broker: str, folder: Path) -> AsyncIterator[tuple[Program, ClientSession, float]]:
    """Give a real scheduler with its API, and after how many seconds it was ready."""
    listen, ops = (f"127.0.0.1:{free_port()}" for _ in range(2))
    settings = {
        "LEEWARD_DATABASE_URL": url,
        "LEEWARD_MQTT_URL": broker,
        "LEEWARD_LISTEN": listen,
        "LEEWARD_OPS_LISTEN": ops,
        "LEEWARD_REPLICA": "scale",
    }
    program = Program("services.scheduler", log=folder / "scheduler.log", settings=settings)
    async with ClientSession(f"http://{listen}") as api, ClientSession(f"http://{ops}") as health:
        began = time.monotonic()
        async with program:
            await until(lambda: _is_ready(health), seconds=60)
            yield program, api, time.monotonic() - began
            await program.stop()


async def _is_ready(health: ClientSession) -> bool:
    try:
        async with health.get("/readyz") as reply:
            return reply.status == 200
    except OSError:
        return False


async def _idle_share(program: Program, seconds: float) -> float:
    await asyncio.sleep(2)  # what start has left to do
    before = processor_seconds(program.pid)
    await asyncio.sleep(seconds)
    return (processor_seconds(program.pid) - before) / seconds


async def _creation(api: ClientSession) -> dict[str, float]:
    """Create jobs in one request, then one by one over some connections; delete them again."""
    await _ask(api, "PUT", "/collections/created", {})
    many = [{**_job(), "name": f"many-{number}"} for number in range(CREATED_IN_BULK)]
    bulk = await _pace(len(many), _ask(api, "POST", "/collections/created/jobs:batch", {"value": many}))
    names = iter(range(CREATED_ONE_BY_ONE))

    async def caller() -> None:
        for number in names:
            await _ask(api, "PUT", f"/collections/created/jobs/one-{number}", _job())

    one = await _pace(CREATED_ONE_BY_ONE, asyncio.gather(*(caller() for _ in range(CONNECTIONS))))
    delete = await _pace(CREATED_IN_BULK + CREATED_ONE_BY_ONE, _ask(api, "DELETE", "/collections/created"))
    return {"create_bulk": bulk, "create_one": one, "delete_bulk": delete}


def _job() -> dict[str, object]:
    start = (datetime.now(UTC) + DORMANT).isoformat()
    action = {"type": "Http", "request": {"method": "GET", "uri": "http://10.0.0.4/"}}
    return {"action": action, "recurrence": {"frequency": "Minute", "interval": 5}, "startTime": start}


async def _ask(api: ClientSession, method: str, path: str, body: object = None) -> None:
    async with api.request(method, f"/api/v1{path}", json=body) as reply:
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path}: {reply.status} {await reply.text()}")
        await reply.read()


async def _reading(store: Store) -> dict[str, float]:
    """Read what is read often: gauges, the counts of jobs, the history of jobs here and there, the last page."""
    now = datetime.now(UTC)
    collection = await store.get_collection(SOMEWHERE, COLLECTION)
    jobs = await store.count_jobs(collection.id)
    first = (await store.list_jobs(collection.id, top=1, skip=0))[0].id if jobs else 1
    some = [JobId(first + number * 7919 % max(jobs, 1)) for number in range(LISTED)]

    async def histories() -> None:
        for job_id in some:
            await store.list_history(job_id, top=101, skip=0)

    return {
        "gauges_ms": 1000 / await _pace(1, store.gauges(now)),
        "counts_ms": 1000 / await _pace(1, store.job_counts()),
        "history_ms": 1000 / await _pace(LISTED, histories()),
        "last_page_ms": 1000 / await _pace(1, store.list_jobs(collection.id, top=101, skip=max(jobs - 101, 0))),
    }


async def _dispatch(store: Store, url: str) -> dict[str, float]:
    """Make dormant jobs due, claim and settle their occurrences, and let the jobs lie dormant again."""
    now = datetime.now(UTC)
    some = f"SELECT id FROM jobs WHERE next_due IS NOT NULL ORDER BY id LIMIT {DUE}"
    await execute(url, f"UPDATE jobs SET next_due = {to_epoch_ms(now)} WHERE id IN ({some})")
    owner = await store.register("scale", now, timedelta(minutes=10))
    claims, began = [], time.perf_counter()
    while batch := await claim(store, owner, at=now, limit=BATCH):
        claims += batch
    claimed = time.perf_counter()
    for start in range(0, len(claims), BATCH):
        await store.settle(owner, [finished(each) for each in claims[start : start + BATCH]])
    settled = time.perf_counter()
    await store.resign(owner)
    far = to_epoch_ms(now + DORMANT)
    await execute(url, f"UPDATE jobs SET next_due = {far} WHERE next_due < {to_epoch_ms(now) + 3_600_000}")
    return {"claims": len(claims) / (claimed - began), "settles": len(claims) / (settled - claimed)}


async def _deleting(store: Store, url: str) -> dict[str, float]:
    """Trim busy jobs and prune the oldest rows, in parts as the scheduler does; then the deleted jobs' rows."""
    first = int(str(await execute(url, "SELECT coalesce(min(id), 1) FROM jobs")))
    busy = [JobId(first + number) for number in range(TRIMMED)]
    began, trimmed = time.perf_counter(), 0
    for start in range(0, len(busy), TRIMMED_JOBS):
        trimmed += await store.trim_history(busy[start : start + TRIMMED_JOBS], keep=RETENTION_ROWS)
    halfway, pruned = time.perf_counter(), 0
    oldest = int(str(await execute(url, "SELECT coalesce(min(end_time), 0) FROM history")))
    age = from_epoch_ms(oldest + PRUNED)
    began_pruning = time.perf_counter()
    while part := await store.prune(older_than=age, limit=PRUNE_BATCH):
        pruned += part
    return {"trimmed": trimmed / (halfway - began), "pruned": pruned / (time.perf_counter() - began_pruning)}


async def _pace(count: int, work: Awaitable[object]) -> float:
    """Return how many per second."""
    began = time.perf_counter()
    await work
    return count / (time.perf_counter() - began)


_LINES: dict[str, Callable[[Costs], str]] = {
    "scheduler process, from start to ready": lambda costs: f"{costs.start_seconds:.2f} s",
    "its memory": lambda costs: f"{costs.resident / 2**20:.0f} MiB",
    "its processor time, nothing due": lambda costs: f"{costs.idle_share:.2%} of a core",
    f"jobs created by API, {CONNECTIONS} connections": lambda costs: f"{costs.create_one:,.0f} /s",
    "jobs created by API, in one request": lambda costs: f"{costs.create_bulk:,.0f} /s",
    "that collection deleted": lambda costs: f"{costs.delete_bulk:,.0f} jobs/s",
    "occurrences claimed": lambda costs: f"{costs.claims:,.0f} /s",
    "outcomes recorded": lambda costs: f"{costs.settles:,.0f} /s",
    "gauges": lambda costs: f"{costs.gauges_ms:.1f} ms",
    "jobs counted by state": lambda costs: f"{costs.counts_ms:.0f} ms",
    "a job's history": lambda costs: f"{costs.history_ms:.2f} ms",
    "the last page of jobs": lambda costs: f"{costs.last_page_ms:.1f} ms",
    "history trimmed": lambda costs: f"{costs.trimmed:,.0f} rows/s",
    "history pruned": lambda costs: f"{costs.pruned:,.0f} rows/s",
}


def table(measured: dict[Filled, Costs]) -> str:
    """Return what was measured as a Markdown table, a column for each size."""
    heads = [f"{size.jobs:,} jobs, {size.history:,} rows" for size in measured]
    lines = [["", *heads], ["---"] * (len(heads) + 1)]
    lines += [[name, *(show(costs) for costs in measured.values())] for name, show in _LINES.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


async def measure_growing(url: str, broker: str, folder: Path, largest: Filled) -> dict[Filled, Costs]:
    """Fill the store in steps, and measure at each; `url` is that of an empty store."""
    measured: dict[Filled, Costs] = {}
    before = Filled()
    for part in PARTS:
        size = Filled(jobs=int(largest.jobs * part), history=int(largest.history * part))
        await fill(url, before, size)
        measured[size] = await measure(url, broker, folder)
        before = size
        click.echo(f"{size}: {measured[size]}", err=True)
    return measured


@asynccontextmanager
async def _empty_store(database: str, folder: Path) -> AsyncIterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder}/scale.db"
        return
    with Postgres(fsync="on", full_page_writes="on", max_wal_size="4GB", shared_buffers="512MB") as server:
        yield await server.new_database()


async def _run(database: str, largest: Filled) -> dict[Filled, Costs]:
    with TemporaryDirectory(prefix="leeward-scale-") as name:
        folder = Path(name)
        async with Mosquitto(folder) as broker, _empty_store(database, folder) as url:
            return await measure_growing(url, broker.url, folder, largest)


@click.command()
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--jobs", type=click.IntRange(min=20), default=100_000, show_default=True)
@click.option("--history", type=click.IntRange(min=0), default=1_000_000, show_default=True, help="Rows.")
def main(database: str, jobs: int, history: int) -> None:
    """Measure what jobs and history in the store cost, on this machine."""
    click.echo(table(asyncio.run(_run(database, Filled(jobs=jobs, history=history)))))


if __name__ == "__main__":
    main()
