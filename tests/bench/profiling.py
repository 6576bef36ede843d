"""Where the scheduler's time goes, by a sampling profiler, at saturation and at 1,000 occurrences per second."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientSession

from tests.bench.environment import programs, version_of
from tests.bench.loads import SATURATION, STEADY, Load, loads
from tests.bench.measuring import Range
from tests.bench.parts import Sample, samples, shares
from tests.bench.schedulers import Scheduler
from tests.parts.mosquitto import Mosquitto
from tests.parts.postgres import Postgres

BEGIN = "<!-- make profile -->"
_HERTZ = 200
_LEAST = 0.01
"""Parts with a smaller share are not shown."""


async def profile(*, quick: bool) -> str:
    """Return the tables and how they were made. Raises RuntimeError where the profiler may not look."""
    seconds = 4 if quick else 12
    with TemporaryDirectory(prefix="leeward-profile-") as folder:
        found = await _sampled(Path(folder), seconds)
    told = (
        f"py-spy {version_of('py-spy')}, {_HERTZ} samples a second for {seconds} s each; "
        "shares of the time on a processor."
    )
    return "\n\n".join((told, *(_table(f"{name} at {load}", each) for (name, load), each in found.items())))


async def _sampled(folder: Path, seconds: int) -> dict[tuple[str, str], list[Sample]]:
    found = {}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())
        server = stack.enter_context(Postgres(fsync="on", full_page_writes="on"))
        broker = await stack.enter_async_context(Mosquitto(folder))
        range_ = await stack.enter_async_context(Range(folder, http, None, tries=1).running())
        databases = {"SQLite": f"sqlite:///{folder}/profile.db", "PostgreSQL": await server.new_database()}
        for name, database in databases.items():
            async with Scheduler(name, folder, database, broker.url, http=http).running() as scheduler:
                for load in (loads(quick=True)[SATURATION], loads(quick=True)[STEADY]):
                    found[name, load.name] = await _look(scheduler, range_, load, folder, seconds)
    return found


async def _look(scheduler: Scheduler, range_: Range, load: Load, folder: Path, seconds: int) -> list[Sample]:
    start = await scheduler.aim(load, range_.urls)
    await asyncio.sleep(start + load.warm - time.time())
    try:
        return samples(await _record(scheduler.replicas[0].program.pid, folder / "stacks.txt", seconds))
    finally:
        await scheduler.rest()
        await range_.settled()


async def _record(pid: int, file: Path, seconds: int) -> str:
    """Return the collapsed stacks of a process, all its threads that are on a processor."""
    py_spy = await asyncio.to_thread(programs) / "py-spy"
    flags = ("--nonblocking", "--format=raw", f"--rate={_HERTZ}", f"--duration={seconds}", f"--output={file}")
    process = await asyncio.create_subprocess_exec(
        py_spy, "record", f"--pid={pid}", *flags, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"py-spy may not look at the scheduler (root may): {said.decode(errors='replace')}")
    return await asyncio.to_thread(file.read_text)


def _table(name: str, found: list[Sample]) -> str:
    rows = [f"| {name} | of the time | most of it |", "| --- | --- | --- |"]
    rows += [f"| {part} | {share * 100:.0f} % | {most} |" for part, share, most in shares(found) if share >= _LEAST]
    return "\n".join(rows)
