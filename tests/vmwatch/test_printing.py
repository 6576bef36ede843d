"""`leeward-vmwatch --print`: what it tells, in words and as JSON, and how it ends."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.vmwatch.__main__ import main as vmwatch
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind
from services.vmwatch.emulator.fleet import Fleet, Vm
from services.vmwatch.emulator.server import Emulator
from tests.parts.ports import free_port
from tests.parts.watching import emulator

FLEET = Fleet(
    vms=(
        Vm(name="web_18", computer_name="web00000i", scale_set="web", pools=("web",), addresses=("10.0.0.4",)),
        Vm(name="web_19", scale_set="web"),
    )
)
REBOOT = Draft(
    type="Reboot", resources=("web_18",), source="User", notice_seconds=900, duration_seconds=20, description="Hello."
)


class Printed:
    """A running `leeward-vmwatch --print`, and its lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def until(self, *words: str) -> str:
        """Return the first line from now on that has all these words; raises TimeoutError."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while line := (await self._process.stdout.readline()).decode():
                self.lines.append(line)
                if all(word in line for word in words):
                    return line
        raise AssertionError(f"ended without {words}: {self.lines}")

    async def ended(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            return await self._process.wait()


@asynccontextmanager
async def printing(url: str, *flags: str) -> AsyncIterator[Printed]:
    program = (sys.executable, "-m", "services.vmwatch", "--imds-url", url, "--poll-seconds", "0.2", *flags)
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    try:
        yield Printed(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def imds() -> AsyncIterator[Emulator]:
    """A scale set."""
    async with emulator(fleet=FLEET) as server:
        yield server


async def test_it_tells_who_the_vm_is_and_each_change_in_plain_words(imds: Emulator) -> None:
    async with printing(imds.url("web_18"), "--print") as printed:
        host = await printed.until("this VM is web_18")
        assert "computer name web00000i" in host
        assert "addresses 10.0.0.4; pools web; group fleet; scale set web" in host
        await printed.until("calm")
        event = imds.stage.schedule(REBOOT)
        announced = await printed.until("Reboot of web_18 (this VM) is announced, not before")
        assert "(lasts 20 s; asked for by User; Hello.) [EVENT-1]" in announced
        imds.stage.reschedule(event.id, 60)
        await printed.until("has changed, not before")
        imds.stage.start(event.id)
        await printed.until("has started")
        imds.stage.finish(event.id)
        await printed.until("is over")
        imds.stage.schedule(Draft(type="Freeze", resources=("web_19",), status="Advisory"))
        await printed.until("Freeze of web_19 (other VMs) is announced as Advisory")
        assert await printed.ended() == 0


async def test_it_tells_programs_the_same_in_json_lines(imds: Emulator) -> None:
    async with printing(imds.url("web_18"), "--print=json") as printed:
        host: dict[str, Any] = json.loads(await printed.until('"what":"host"'))
        assert (host["host"]["host"], host["host"]["computerName"]) == ("web_18", "web00000i")
        event = imds.stage.schedule(REBOOT)
        announced = json.loads(await printed.until('"what":"scheduled"'))
        assert (announced["event"]["eventId"], announced["here"]) == ("EVENT-1", True)
        imds.stage.cancel(event.id)
        assert json.loads(await printed.until('"what":"cancelled"'))["event"]["type"] == "Reboot"
        assert await printed.ended() == 0
        assert all(json.loads(line)["at"] for line in printed.lines)


async def test_a_failure_is_told_once_and_so_is_its_end(imds: Emulator) -> None:
    async with printing(imds.url("web_18"), "--print") as printed:
        await printed.until("calm")
        imds.stage.schedule(REBOOT)
        await printed.until("is announced")
        imds.stage.faults.add(Fault(kind=FaultKind.STATUS, status=503, count=2), imds.stage.pace.now())
        await printed.until("HTTP status 503")
        await printed.until("reading again")
        assert sum("503" in line for line in printed.lines) == 1
        assert await printed.ended() == 0


async def test_it_says_what_is_wrong_with_the_service_and_what_to_do() -> None:
    async with printing(f"http://127.0.0.1:{free_port()}", "--print") as printed:
        await printed.until("Cannot connect")
        assert "a container needs the host's network" in await printed.until("what to do")
        assert await printed.ended() == 1


async def test_a_vm_that_does_not_know_its_name_is_told_so_and_its_events_all_the_same(imds: Emulator) -> None:
    imds.stage.faults.add(Fault(kind=FaultKind.STATUS, status=404, endpoint=Endpoint.INSTANCE), imds.stage.pace.now())
    async with printing(imds.url("web_18"), "--print") as printed:
        await printed.until("/metadata/instance: HTTP status 404", "LEEWARD_IMDS_URL")
        imds.stage.schedule(REBOOT)
        await printed.until("Reboot of web_18 is announced")
        assert await printed.ended() == 0


async def test_a_version_that_azure_does_not_know_is_a_setting_to_look_at(imds: Emulator) -> None:
    async with printing(imds.url("web_18"), "--print", "--imds-api-version", "2031-01-01") as printed:
        await printed.until("HTTP status 400", "api-version is invalid")
        await printed.until("LEEWARD_IMDS_API_VERSION")
        assert await printed.ended() == 1


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--print=xml"], "--print=json"), (["--print", "--pol", "1"], "--pools")]
)
def test_a_faulty_command_line_is_one_readable_message(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vmwatch({}, arguments) == 2
    assert said in capsys.readouterr().err


def test_the_help_tells_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        vmwatch({}, ["--help"])
    said = capsys.readouterr().out
    assert "--print[=text|json]" in said
    assert "LEEWARD_IMDS_URL" in said
