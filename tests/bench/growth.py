"""What jobs and history in the stores cost as they grow, as tables for the document."""

from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.filling import Filled
from tests.bench.scale import measure_growing, table
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import Postgres

BEGIN = "<!-- make scale -->"
_LARGEST = Filled(jobs=1_000_000, history=10_000_000)
_QUICKLY = Filled(jobs=20_000, history=100_000)


async def growth(*, quick: bool) -> str:
    """Return a table for each store; takes about twenty minutes unless `quick`."""
    largest = _QUICKLY if quick else _LARGEST
    found = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="leeward-growth-")))
        broker = await stack.enter_async_context(Mosquitto(folder))
        server = stack.enter_context(Postgres(fsync="on", full_page_writes="on", max_wal_size="4GB"))
        for name, url in (("SQLite", f"sqlite:///{folder}/growth.db"), ("PostgreSQL", await server.new_database())):
            measured = await measure_growing(url, broker.url, folder, largest)
            found.append(f"{name}:\n\n{table(measured)}")
    return "\n\n".join(found)
