"""PgQueuer: jobs enqueued with `execute_after` beforehand, one worker; 0.1 s of polling, 30 s being its default.

`python -m tests.bench.peers.with_pgqueuer ORDER`
"""

import logging
import sys
import time
from datetime import timedelta
from itertools import islice

import asyncpg
import msgspec
import uvloop
from pgqueuer import AsyncpgPoolDriver, PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from tests.bench.calls import call, client
from tests.bench.orders import Order

POLLING = timedelta(seconds=0.1)
BATCH = 150
"""Jobs taken at a time; its default of 10 is slower."""
_WRITTEN = 500


async def enqueue(queries: Queries, order: Order) -> None:
    """Write every run of the order, in batches; what it waits for is counted from the insertion."""
    dues = order.dues()
    while batch := list(islice(dues, _WRITTEN)):
        payloads = [f"{due} {order.address(number)}".encode() for due, number in batch]
        now = time.time()
        waits = [timedelta(seconds=max(0.0, due - now)) for due, _ in batch]
        await queries.enqueue(["ask"] * len(batch), payloads, [0] * len(batch), waits)
    await queries.driver.execute("ANALYZE pgqueuer")


async def fire(order: Order) -> None:
    """Enqueue, then work until killed."""
    logging.getLogger("pgqueuer").setLevel(logging.ERROR)
    async with client() as session, asyncpg.create_pool(order.database) as pool:
        queuer = PgQueuer(AsyncpgPoolDriver(pool))

        async def ask(job: Job) -> None:
            due, url = (job.payload or b"").decode().split(" ")
            await call(session, url, float(due))

        queuer.entrypoint("ask")(ask)
        queries = Queries(queuer.connection)
        await queries.install()
        await enqueue(queries, order)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await queuer.run(dequeue_timeout=POLLING, batch_size=BATCH)


if __name__ == "__main__":
    uvloop.run(fire(msgspec.json.decode(sys.argv[1], type=Order)))
