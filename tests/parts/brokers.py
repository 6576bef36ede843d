"""A real broker as a process that tests may stop, kill and freeze."""

import asyncio
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from services.local.broker import BrokerCommand
from shared.bus import BusSettings
from tests.parts.ports import listening


class BrokerProcess:
    """One broker on one port for the length of a test; it can go and come back."""

    def __init__(self, command: BrokerCommand, port: int, directory: Path) -> None:
        """Prepare to run the command, which listens on `port` and stores in `directory`."""
        self._directory = directory
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self.port = port
        self.url = command.url

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make sure that it is gone."""
        await self.kill()

    def settings(self, name: str) -> BusSettings:
        """Return how a client of that name connects; this broker asks for nothing."""
        return BusSettings(url=self.url)

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables with which a program of that name connects."""
        settings = self.settings(name)
        files = {"CA": settings.ca, "CERT": settings.cert, "KEY": settings.key}
        given = {f"LEEWARD_MQTT_{part}": str(file) for part, file in files.items() if file is not None}
        return {"LEEWARD_MQTT_URL": settings.url, **given}

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = await asyncio.create_subprocess_exec(
            *self._command.argv, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        await listening(self.port)

    async def stop(self) -> None:
        """Let it end in order."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it at once."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop it in order and start it again."""
        await self.stop()
        await self.start()

    def wipe(self) -> None:
        """Delete what it has stored; for a broker that is stopped."""
        for file in self._directory.glob("*.db*"):
            file.unlink()

    def freeze(self) -> None:
        """Stop its clock: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            # The signal takes its time to reach every thread.
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            await process.wait()
