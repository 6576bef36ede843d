"""Watcher and emulator as programs: how they start, what they say, how they end."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.vmwatch.__main__ import main as vmwatch
from services.vmwatch.emulator.__main__ import main as imds
from shared.topics import Topics
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto

Process = asyncio.subprocess.Process


@asynccontextmanager
async def program(module: str, *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def stopped(process: Process) -> int:
    """Ask a process to end and return its exit code."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        return await process.wait()


async def first_line(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(10):
        return (await process.stdout.readline()).decode().strip()


async def test_both_programs_run_and_end_in_order(tmp_path: Path) -> None:
    async with (
        Mosquitto(tmp_path / "broker") as broker,
        program("services.vmwatch.emulator", "--listen", "127.0.0.1:0", "--vm", "db-0:db@127.0.0.2") as emulator,
    ):
        url = (await first_line(emulator)).removeprefix("db-0: LEEWARD_IMDS_URL=")
        flags = ("--mqtt-url", broker.url, "--imds-url", url, "--ops-listen", "127.0.0.1:0")
        heard = Listener()
        bus = bus_at(broker.url)
        bus.subscribe(Topics().all_hosts("events"), heard)
        async with running(bus), program("services.vmwatch", *flags) as watcher:
            await heard.until(lambda deliveries: any(b'"events":[]' in it.payload for it in deliveries))
            assert await stopped(watcher) == 0
        assert await stopped(emulator) == 0


def test_faulty_settings_are_one_readable_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert vmwatch({"LEEWARD_POLL_SECOND": "1"}, ["--imds-url", "nowhere"]) == 2
    said = capsys.readouterr().err
    assert "did you mean LEEWARD_POLL_SECONDS?" in said
    assert "imds_url=nowhere" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vm", "db-0", "--vm", "DB-0"], "must differ"),
        (["--listen", "8169"], "write host:port"),
        (["--speed", "0"], "--speed"),
        (["--spede", "2"], "--speed"),
    ],
)
def test_the_emulator_says_which_flag_is_wrong(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imds(arguments) == 2
    assert said in capsys.readouterr().err


def test_the_emulators_help_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert imds(["--help"]) == 0
    assert "LEEWARD_IMDS_URL" in capsys.readouterr().out
