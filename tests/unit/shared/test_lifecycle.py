"""The life of a process, seen from outside."""

import asyncio
import signal
import sys

import pytest

PREAMBLE = """
import asyncio, sys
from shared.errors import PermanentError
from shared.lifecycle import run

async def main(stop):
"""


async def start(body: str) -> asyncio.subprocess.Process:
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    program = f"{PREAMBLE}{indented}\nsys.exit(run(main))"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def finish(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def until_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_the_process_to_end_in_order(number: signal.Signals) -> None:
    process = await start("print('ready', flush=True)\nawait stop.wait()\nprint('stopped')")
    await until_ready(process)
    process.send_signal(number)
    assert await finish(process) == (0, "stopped\n", "")


async def test_the_second_signal_ends_a_process_that_hangs() -> None:
    process = await start(
        "print('ready', flush=True)\nawait stop.wait()\nprint('ready', flush=True)\nawait asyncio.Event().wait()"
    )
    await until_ready(process)
    process.send_signal(signal.SIGTERM)
    await until_ready(process)
    process.send_signal(signal.SIGINT)
    assert await finish(process) == (130, "", "")


async def test_a_fault_of_ours_is_one_readable_line() -> None:
    process = await start("raise PermanentError('the store leeward.db is newer than this program')")
    assert await finish(process) == (2, "", "the store leeward.db is newer than this program\n")


async def test_faults_of_a_task_group_are_told_each() -> None:
    process = await start(
        "async def fail(): raise PermanentError('no broker')\n"
        "async with asyncio.TaskGroup() as tasks:\n"
        "    tasks.create_task(fail())\n"
        "    tasks.create_task(fail())"
    )
    assert await finish(process) == (2, "", "no broker\nno broker\n")


async def test_a_bug_shows_its_traceback() -> None:
    code, _, err = await finish(await start("raise RuntimeError('a bug')"))
    assert code == 1
    assert "Traceback" in err
    assert "RuntimeError: a bug" in err


async def test_the_loop_is_uvloop() -> None:
    process = await start("print(type(asyncio.get_running_loop()).__module__)")
    assert await finish(process) == (0, "uvloop\n", "")
