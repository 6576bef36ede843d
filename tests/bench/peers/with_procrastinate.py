"""Procrastinate 3: jobs deferred to their due instants beforehand, one worker; 0.1 s of polling, 5 s being its default.

`python -m tests.bench.peers.with_procrastinate ORDER`
"""

import logging
import sys
from datetime import UTC, datetime
from itertools import islice

import msgspec
import uvloop
from procrastinate import App, PsycopgConnector
from procrastinate.tasks import Task

from tests.bench.calls import call, client
from tests.bench.orders import WORKERS, Order

POLLING = 0.1
"""Seconds. Notifications wake it for jobs that are due at once only."""
_CONNECTIONS = 10
_BATCH = 1_000


async def defer(app: App, task: Task, order: Order) -> None:
    """Write every run of the order, in batches."""
    dues = order.dues()
    while batch := list(islice(dues, _BATCH)):
        jobs = [
            task.configure(schedule_at=datetime.fromtimestamp(due, UTC)).make_new_job(
                url=order.address(number), due=due
            )
            for due, number in batch
        ]
        await app.job_manager.batch_defer_jobs_async(jobs)
    await app.connector.execute_query_async("ANALYZE procrastinate_jobs")


async def fire(order: Order) -> None:
    """Defer, then work until killed."""
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = App(connector=PsycopgConnector(conninfo=order.database, min_size=_CONNECTIONS, max_size=_CONNECTIONS))
    async with client() as session, app.open_async():

        async def ask(url: str, due: float) -> None:
            await call(session, url, due)

        await app.schema_manager.apply_schema_async()
        await defer(app, app.task(name="ask")(ask), order)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await app.run_worker_async(concurrency=WORKERS, fetch_job_polling_interval=POLLING)


if __name__ == "__main__":
    uvloop.run(fire(msgspec.json.decode(sys.argv[1], type=Order)))
