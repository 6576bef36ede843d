"""Leeward's programs as processes that tests may kill, freeze and start again; what they say goes to a file."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


class Program:
    """One `python -m …` process; restartable under the same settings."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        log: Path,
        settings: Mapping[str, str] | None = None,
        python: Path | None = None,
    ) -> None:
        """Prepare to run a module with flags and LEEWARD_ variables of its own, no others; `python` is another's."""
        self._command = (str(python or sys.executable), "-m", module, *arguments)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
        self._environment = {**inherited, **(settings or {}), "PYTHONPATH": str(Path.cwd())}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make sure that it is gone."""
        await self.kill()

    async def start(self) -> None:
        """Start it; its own signs tell when it is ready."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
            )

    async def stop(self, *, seconds: float = 15) -> int:
        """Ask it to leave and return its exit code; raises TimeoutError."""
        return await self._end(signal.SIGTERM, seconds)

    async def kill(self) -> None:
        """End it at once."""
        await self._end(signal.SIGKILL, 10)

    def freeze(self) -> None:
        """Stop it where it stands, as a frozen VM does."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    @property
    def pid(self) -> int:
        """Its process id; raises RuntimeError when it does not run."""
        if self._process is None:
            raise RuntimeError("the program does not run")
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether it does not run, asked for or not."""
        return self._process is None or self._process.returncode is not None

    @property
    def said(self) -> str:
        """Everything it has written so far."""
        return self._log.read_text(errors="replace")

    def _send(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("the program does not run")
        self._process.send_signal(number)

    async def _end(self, number: signal.Signals, seconds: float) -> int:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return process.returncode or 0 if process is not None else 0
        process.send_signal(number)
        async with asyncio.timeout(seconds):
            return await process.wait()
