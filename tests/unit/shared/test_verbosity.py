"""The log of a running process tells details for a while."""

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.logs import Details, present_level, set_level
from shared.verbosity import Verbosity
from tests.parts.waiting import until

PROGRAM = """
import asyncio, sys
from shared import logs
from shared.lifecycle import run
from shared.logs import Details, present_level

async def main(stop):
    logs.configure(json=True, level="WARNING")
    details = Details("services.sample")
    while not stop.is_set():
        line = await asyncio.to_thread(sys.stdin.readline)
        if line == "end\\n":
            return
        details("looked", host="db-0")
        print(present_level(), flush=True)

sys.exit(run(main))
"""


@pytest.fixture(autouse=True)
def usual_level() -> Iterator[None]:
    """Leave the level of the tests as it was."""
    level = logging.getLogger().level
    set_level("INFO")
    yield
    logging.getLogger().setLevel(level)


async def test_details_end_by_themselves() -> None:
    verbosity = Verbosity(asyncio.get_running_loop(), lasting=timedelta(milliseconds=50))
    verbosity.tell_details()
    assert present_level() == "DEBUG"

    async def is_back() -> bool:
        return present_level() == "INFO"

    await until(is_back)
    assert not Details("services.sample").wanted


async def test_details_can_be_ended_at_once_and_asked_for_twice() -> None:
    verbosity = Verbosity(asyncio.get_running_loop())
    verbosity.tell_details()
    verbosity.tell_details()
    assert Details("services.sample").wanted
    verbosity.back()
    verbosity.back()
    assert present_level() == "INFO"


async def test_signals_reach_a_process() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdin=-1, stdout=-1, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None

    async def is_at(level: str) -> bool:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"tell\n")
        return (await process.stdout.readline()).decode().strip() == level

    assert await is_at("WARNING")
    # A signal and a question on their way at once may come in any order.
    process.send_signal(signal.SIGUSR1)
    await until(lambda: is_at("DEBUG"))
    process.send_signal(signal.SIGUSR2)
    await until(lambda: is_at("WARNING"))
    _, errors = await process.communicate(b"end\n")
    assert process.returncode == 0
    assert errors.decode().count('"looked"') == 1
