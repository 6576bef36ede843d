"""`python -m tests.home_assistant PYTHON`: a real Home Assistant shows a real site (docs/howto/home-assistant.md).

PYTHON is one of 3.13 or newer, which Home Assistant asks for; it is installed into .tools/home-assistant, which takes
minutes. That is why this is no part of `make check`; the tests there render the templates in Jinja.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.parts.site import Site
from tests.parts.waiting import until

Json = dict[str, Any]
PLACE = Path(__file__).parents[2] / ".tools/home-assistant"
PACKAGES = ("homeassistant==2025.4.4", "paho-mqtt==2.1.0")
"""The last version that takes every Python 3.13, and what it would install itself when MQTT is added."""


class HomeAssistant:
    """A running core."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Ask through the pipes of its process."""
        self._process = process

    async def ask(self) -> Json:
        """Return its states and devices."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("it has no pipes")
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()
        read: Json = json.loads(await asyncio.wait_for(self._process.stdout.readline(), 60))
        return read

    async def until(self, words: str, **expected: str) -> None:
        """Wait until entities of db-0 show what is expected, and say so; raises TimeoutError."""
        wanted = {f"leeward_db-0_{name}": value for name, value in expected.items()}

        async def holds() -> bool:
            states: dict[str, str] = (await self.ask())["states"]
            return wanted.items() <= states.items()

        try:
            await until(holds, seconds=30)
        except TimeoutError as fault:
            raise TimeoutError(f"{words}: {wanted} is not shown, but {await self.ask()}") from fault
        sys.stdout.write(f"{words}: {', '.join(f'{name} {value}' for name, value in expected.items())}\n")


def install(python: str) -> Path:
    """Install Home Assistant unless it is there; return its Python."""
    found = PLACE / "bin/python"
    if not (PLACE / "installed").exists():
        subprocess.run([python, "-m", "venv", PLACE], check=True)
        subprocess.run([found, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (PLACE / "installed").touch()
    return found


async def show(python: Path, folder: Path) -> None:
    """Let an event take its course, the watcher leave and come back."""
    watching = {"LEEWARD_HOME_ASSISTANT_PREFIX": "homeassistant"}
    site = Site(folder, hosts=("db-0", "web-0"), settings={"LEEWARD_APPROVE": "none"}, watching=watching)
    async with site.running():
        command = (python, Path(__file__).with_name("core.py"), str(site.broker.port))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        try:
            await tell(site, HomeAssistant(process))
        finally:
            process.kill()
            await process.wait()


async def tell(site: Site, home: HomeAssistant) -> None:
    """Wait for each scene to be shown."""
    calm = {"maintenance": "off", "next_event": "calm", "not_before": "unknown", "drain": "unknown", "watcher": "on"}
    await home.until("calm", **calm, polls="on")
    event = await site.raise_event("Reboot", "DB-0", noticeSeconds=600, startedSeconds=60)
    await home.until("announced", maintenance="on", next_event="Reboot", drain="drained")
    await site.azure("POST", f"/events/{event}/start")
    await home.until("started", maintenance="on", next_event="Reboot", not_before="unknown")
    await site.azure("POST", f"/events/{event}/finish")
    await home.until("over", **calm)
    await site.watchers["db-0"].stop()
    await home.until("stopped", maintenance="unavailable", next_event="unavailable", watcher="off")
    await site.watchers["db-0"].start()
    await home.until("back", **calm)
    if (devices := (await home.ask())["devices"]) != ["db-0", "web-0"]:
        raise ValueError(f"the devices are {devices}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.home_assistant PYTHON")
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(show(install(sys.argv[1]), Path(place)))
