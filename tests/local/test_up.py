"""`leeward up` as people run it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession

from services.local.layout import UpOptions
from services.local.ports import is_free
from services.local.state import LocalState, read_state
from tests.parts.waiting import until

pytestmark = pytest.mark.system
PARTS = 7


class RunningUp:
    """One `leeward up` and what it says."""

    def __init__(self, process: asyncio.subprocess.Process, data: Path) -> None:
        self._process = process
        self._data = data
        self.said = ""

    async def says(self, text: str, *, seconds: float = 40) -> None:
        """Read on until it has said `text`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            while text not in self.said:
                line = await self._process.stdout.readline()
                assert line, f"it ended without saying {text!r}:\n{self.said}"
                self.said += line.decode()

    async def ends(self, number: signal.Signals, *, seconds: float = 10) -> int:
        """Send a signal and return the exit code."""
        self._process.send_signal(number)
        async with asyncio.timeout(seconds):
            rest, _ = await self._process.communicate()
        self.said += rest.decode()
        assert self._process.returncode is not None
        return self._process.returncode

    @property
    def state(self) -> LocalState:
        """Where its parts are."""
        state = read_state(self._data)
        assert state is not None
        return state

    @property
    def children(self) -> dict[str, psutil.Process]:
        """Its parts by a word of their command line."""
        children = psutil.Process(self._process.pid).children()
        return {" ".join(child.cmdline()): child for child in children}

    def part(self, word: str) -> psutil.Process:
        """Return the one part with that word in its command line."""
        (found,) = (child for line, child in self.children.items() if word in line)
        return found


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.local", *arguments),
        env={name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def free_ports() -> Iterator[str]:
    """Yield a flag for each port, from where the system hands out none; the process's number parts parallel tests."""
    candidates = range(20000 + os.getpid() % 1000 * 10, 32000, 10)
    first = next(port for port in candidates if all(map(is_free, range(port, port + 8))))
    for offset, flag in enumerate(("--port", "--mqtt-port", "--imds-port", "--targets-port", "--ops-port")):
        yield f"{flag}={first + offset}"


@asynccontextmanager
async def running_up(data: Path, *arguments: str) -> AsyncIterator[RunningUp]:
    """Start it; whatever is left at the end is killed."""
    process = await start("up", f"--data={data}", *free_ports(), *arguments)
    up = RunningUp(process, data)
    try:
        await up.says("Ctrl-C stops everything.")
        yield up
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def get(url: str) -> Any:
    async with ClientSession() as session, session.get(url) as answer:
        return await answer.json()


async def test_a_rehearsed_reboot_is_told_from_the_event_to_the_release(tmp_path: Path) -> None:
    async with running_up(tmp_path) as up:
        rehearsal = await start("rehearse", "reboot", "db-0", "--duration=2", f"--data={tmp_path}")
        out, _ = await rehearsal.communicate()
        assert b"Announced: Reboot of db-0" in out
        for sentence in (
            "Azure announces a Reboot of db-0",
            "db-0 is cordoned",
            "is rerouted from db-0 to db-1",
            "the Reboot of db-0 is approved",
            "Reboot of db-0 has started",
            "db-0 is available again",
        ):
            await up.says(sentence)
        assert await up.ends(signal.SIGINT) == 0
    assert "Stopped." in up.said


async def test_a_second_start_continues_with_the_same_data(tmp_path: Path) -> None:
    async with running_up(tmp_path) as up, ClientSession() as session:
        demo = f"{up.state.api}/api/v1/collections/demo/jobs"
        async with session.delete(f"{demo}/heartbeat") as answer:
            assert answer.status in (200, 204)
        await up.ends(signal.SIGTERM)
    async with running_up(tmp_path) as up:
        jobs = await get(f"{up.state.api}/api/v1/collections/demo/jobs")
        names = {job["name"] for job in jobs["value"]}
        assert names == {"db-backup", "db-report", "db-vacuum", "web-warm-cache"}
        await up.ends(signal.SIGTERM)


async def test_a_part_that_was_killed_comes_back(tmp_path: Path) -> None:
    async with running_up(tmp_path, "--no-demo") as up:
        up.part("services.scheduler").kill()
        await up.says("scheduler was ended by SIGKILL; starting it again.")

        async def sees_the_fleet_again() -> bool:
            try:
                hosts = await get(f"{up.state.api}/api/v1/hosts")
            except OSError:
                return False
            return [host["watcher"] for host in hosts["value"]] == ["online"] * 3

        await until(sees_the_fleet_again)
        assert await up.ends(signal.SIGTERM) == 0


async def test_no_part_outlives_a_killed_up(tmp_path: Path) -> None:
    async with running_up(tmp_path, "--no-demo") as up:
        children = list(up.children.values())
        assert len(children) == PARTS
        await up.ends(signal.SIGKILL)
        _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
        assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]


async def test_everything_takes_less_than_500_megabytes(tmp_path: Path) -> None:
    async with running_up(tmp_path) as up:
        children = up.children.values()
        total = sum(child.memory_info().rss for child in (*children, psutil.Process(up.state.pid)))
        assert total < 500_000_000
        await up.ends(signal.SIGTERM)


async def test_one_data_folder_is_not_for_two(tmp_path: Path) -> None:
    async with running_up(tmp_path, "--no-demo"):
        other = await start("up", f"--data={tmp_path}", "--port=1")
        out, _ = await other.communicate()
        assert other.returncode == 2
        assert b"another `leeward up` is using" in out


async def test_a_faulty_scenario_ends_the_start_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "faulty.yaml").write_text("- {at: 1, do: dance}")
    process = await start("up", f"--data={tmp_path}", f"--scenario={tmp_path / 'faulty.yaml'}", *free_ports())
    out, _ = await process.communicate()
    assert process.returncode == 2
    assert b"faulty.yaml: step 1" in out


def test_the_defaults_are_the_documented_ones() -> None:
    options = UpOptions(data=Path(".leeward"))
    assert (options.port, options.ops_port, options.demo, options.broker) == (8080, 9464, True, "auto")
