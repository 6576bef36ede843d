"""The examples of docs/ as processes: what they are given, and what they say."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.bus import BusSettings
from tests.parts.site import Site
from tests.parts.waiting import until

FOLDER = Path(__file__).parents[2] / "docs" / "examples"


class Example:
    """One run of an example, a Python program or a shell script; what it writes goes to a file."""

    def __init__(self, name: str, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        """Prepare to run `name` from docs/examples."""
        runner = sys.executable if name.endswith(".py") else "sh"
        self._command: Sequence[str] = (runner, str(FOLDER / name), *arguments)
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("LEEWARD_")}
        self._environment = {**inherited, **environment}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, with what it has started itself."""
        if self._process is not None and self.is_running:
            os.killpg(self._process.pid, 9)
            await self._process.wait()

    @property
    def said(self) -> str:
        """Everything it has written so far."""
        return self._log.read_text()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.returncode is None

    async def until_said(self, *words: str, times: int = 1, seconds: float = 20) -> str:
        """Wait for a line with all the words, the `times`-th such line, and return it; raises TimeoutError."""

        def lines() -> list[str]:
            return [line for line in self.said.splitlines() if all(word in line for word in words)]

        async def is_said() -> bool:
            return len(lines()) >= times

        try:
            await until(is_said, seconds=seconds)
        except TimeoutError as fault:
            raise TimeoutError(f"{words} not said, but only:\n{self.said}") from fault
        return lines()[times - 1]

    async def exit_code(self, *, seconds: float = 20) -> int:
        """Wait for its end; raises TimeoutError."""
        assert self._process is not None
        async with asyncio.timeout(seconds):
            return await self._process.wait()


async def until_told(listener: Example, site: Site, event_id: str, *words: str) -> str:
    """Move an event's NotBefore until a listener, which may not have subscribed yet, tells of that; return its line."""
    for minutes in range(20, 40):
        await site.azure("PATCH", f"/events/{event_id}", {"noticeSeconds": minutes * 60})
        with suppress(TimeoutError):
            return await listener.until_said(*words, seconds=1.5)
    raise TimeoutError(f"{words} not told, but only:\n{listener.said}")


async def until_another_is_approved(site: Site) -> None:
    """Raise an event of web-0, which nobody blocks, and wait for its approval: whatever was due before had its turn."""
    event = await site.raise_event("Reboot", "web-0", noticeSeconds=600)
    await site.until_event(event, lambda each: each["approval"]["state"] == "approved")


def mosquitto_clients(folder: Path, settings: BusSettings, port: int) -> dict[str, str]:
    """Write the defaults of mosquitto_sub and mosquitto_pub for an identity; return the variable that names them."""
    options = f"-h localhost\n-p {port}\n--cafile {settings.ca}\n--cert {settings.cert}\n--key {settings.key}\n"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("mosquitto_sub", "mosquitto_pub"):
        (folder / name).write_text(options)
    return {"XDG_CONFIG_HOME": str(folder)}
