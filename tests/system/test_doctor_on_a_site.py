"""`leeward doctor` beside a whole site at work: nothing is wrong, and nobody notices that it was there."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.parts.listener import Listener
from tests.parts.programs import Program
from tests.parts.shipped_broker import ShippedBroker
from tests.parts.site import Site
from tests.parts.waiting import until


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with the shipped broker and its access list."""
    async with Site(
        tmp_path, hosts=("db-0", "db-1"), settings={}, broker=ShippedBroker(tmp_path / "b")
    ).running() as it:
        yield it


async def doctor(program: Program, *arguments: str) -> dict[str, Any]:
    """Examine a running program, and return what was found."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
    command = (sys.executable, "-m", "services.client", "doctor", "--pid", str(program.pid), "--output", "json")
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, env=inherited, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, (out + err).decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_a_healthy_site_has_no_failure_and_is_not_disturbed(site: Site) -> None:
    heard = Listener()
    async with site.client(("leeward/v1/hosts/+/inventory", heard)):
        await heard.until(lambda deliveries: len(deliveries) == 2)
        before = {name: program.said for name, program in site.watchers.items()} | {"scheduler": site.scheduler.said}
        of_scheduler = await doctor(site.scheduler, "--url", f"http://127.0.0.1:{site.api_port}")
        of_watcher = await doctor(site.watchers["db-0"])
        again = [delivery.payload for delivery in heard.deliveries if delivery.topic.endswith("db-0/inventory")]
    assert (of_scheduler["role"], of_watcher["role"]) == ("scheduler", "vmwatch")
    messages = [finding["message"] for finding in (*of_scheduler["findings"], *of_watcher["findings"])]
    assert "2 online, 0 offline, 0 silent" in messages
    assert "db-0 may write and read its inventory: it came back" in messages
    assert "leeward-vmwatch says that it is ready" in messages
    assert len(set(again)) == 1
    after = {name: program.said for name, program in site.watchers.items()} | {"scheduler": site.scheduler.said}
    assert [name for name in before if "warning" in after[name].removeprefix(before[name])] == []


async def test_a_scheduler_tells_details_while_it_is_asked_to(site: Site) -> None:
    os.kill(site.scheduler.pid, signal.SIGUSR1)
    await site.create_job("tick", "/tick", placement={"host": "db-0"})
    lines = await said(site.scheduler, "outcome written")
    occurrence = next(line["occurrence"] for line in lines if line["message"] == "outcome written")
    of_it = [line["message"] for line in lines if line.get("occurrence") == occurrence]
    assert of_it[:4] == ["claimed", "attempt begins", "attempt ended", "outcome written"]
    async with site.session.get(f"http://127.0.0.1:{site.ops_port}/loglevel") as reply:
        assert await reply.text() == "DEBUG\n"
    os.kill(site.scheduler.pid, signal.SIGUSR2)
    lines = await said(site.scheduler, "log level is the usual one again")
    async with site.session.get(f"http://127.0.0.1:{site.ops_port}/loglevel") as reply:
        assert await reply.text() == "INFO\n"
    assert [line["level"] for line in lines if line["message"].startswith("log level")] == ["warning", "warning"]


async def said(program: Program, message: str) -> list[dict[str, Any]]:
    """Wait until a program has written a message, and return all its lines."""

    async def has_said() -> bool:
        return f'"message": "{message}"' in program.said

    await until(has_said)
    return [json.loads(line) for line in program.said.splitlines() if line.startswith("{") and line.endswith("}")]
