"""A command in a pseudo terminal: what it writes, keys for it, and how it leaves the terminal."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.parts.waiting import until

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>])")
_TAKEN, _GIVEN_BACK, _SHOWN = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"
_HOME = "\x1b[H"


class Terminal:
    """One command with a terminal of its own."""

    def __init__(self, *, lines: int = 30, columns: int = 120) -> None:
        """Open a terminal of this size."""
        self._master, self._slave = pty.openpty()
        self._process: asyncio.subprocess.Process
        self._heard = bytearray()
        self.resize(lines, columns)
        self._before = termios.tcgetattr(self._slave)

    @asynccontextmanager
    async def running(self, *words: str, **environment: str) -> AsyncIterator["Terminal"]:
        """Run `leeward` with these words until the context ends, which waits for nothing."""
        loop = asyncio.get_running_loop()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.client", *words),
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**os.environ, "TERM": "xterm-256color", **environment},
            preexec_fn=_take_terminal,
        )
        loop.add_reader(self._master, self._hear)
        try:
            yield self
        finally:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            loop.remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)

    @property
    def screen(self) -> str:
        """The text of what was drawn last."""
        return _ESCAPES.sub("", self._heard.decode(errors="replace").rpartition(_HOME)[2])

    @property
    def text(self) -> str:
        """All that was written, without escapes."""
        return _ESCAPES.sub("", self._heard.decode(errors="replace"))

    async def until(self, *texts: str, seconds: float = 20) -> None:
        """Wait until all of these stand on the screen together."""
        await self._until(lambda: all(text in self.screen for text in texts), texts, seconds)

    async def until_line(self, *texts: str, seconds: float = 20) -> None:
        """Wait until all of these stand in one line of the screen."""
        await self._until(
            lambda: any(all(text in line for text in texts) for line in self.screen.splitlines()), texts, seconds
        )

    async def until_none(self, text: str, *, seconds: float = 20) -> None:
        """Wait until a whole screen is there without this."""
        await self._until(lambda: text not in self.screen and "q quit" in self.screen, (f"no {text}",), seconds)

    async def _until(self, holds: Callable[[], bool], texts: tuple[str, ...], seconds: float) -> None:
        async def check() -> bool:
            return holds()

        try:
            await until(check, seconds=seconds)
        except TimeoutError:
            raise AssertionError(f"{texts} never stood together on the screen:\n{self.screen}") from None

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def resize(self, lines: int, columns: int) -> None:
        """Give the terminal another size; what runs in it is told by the system."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def send(self, number: signal.Signals) -> None:
        """Send the command a signal."""
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end and return the exit code."""
        return await asyncio.wait_for(self._process.wait(), 20)

    def left_clean(self) -> bool:
        """Tell whether the terminal is as it was: screen given back, cursor there, echo and lines as before."""
        written = self._heard.decode(errors="replace")
        given_back = _TAKEN not in written or written.rfind(_GIVEN_BACK) > written.rfind(_TAKEN)
        return given_back and written.rfind(_SHOWN) >= written.rfind("\x1b[?25l") and self._settings == self._before

    @property
    def _settings(self) -> list[Any]:
        return termios.tcgetattr(self._slave)

    def _hear(self) -> None:
        with suppress(OSError):
            self._heard += os.read(self._master, 65_536)


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
