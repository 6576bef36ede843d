"""`leeward` as people run it: whole processes, with pipes, or on a terminal of their own."""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

_LEEWARD = (sys.executable, "-m", "services.client")
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Said(msgspec.Struct, frozen=True):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class CommandLine:
    """Runs `leeward` with an environment of its own, in a folder of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """`environment` are the LEEWARD_ variables, and others that matter."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LEEWARD_", "NO_COLOR"))}
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "TERM": "xterm-256color"}
        self.environment = {**inherited, **home, "PYTHONPATH": str(Path.cwd()), **environment}
        self.folder = folder

    async def run(self, *words: str, text: str | None = None) -> Said:
        """Run a command to its end; `text` is its standard input."""
        return await self.run_program(*_LEEWARD, *words, text=text)

    async def run_program(self, *command: str, text: str | None = None) -> Said:
        """Run any program in the same surroundings."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self.environment,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL if text is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            out, err = await process.communicate(None if text is None else text.encode())
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def run_python(self, program: str) -> Said:
        """Run a program in Python."""
        return await self.run_program(sys.executable, "-c", program)

    async def run_in_shell(self, script: str) -> Said:
        """Run a script of bash's, in which `leeward` is this one."""
        program = self.folder / "bin" / "leeward"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nexec {" ".join(_LEEWARD)} "$@"\n')
        program.chmod(0o700)
        return await self.run_program("bash", "-c", f'PATH="{program.parent}:$PATH"\nset -o pipefail\n{script}')

    @asynccontextmanager
    async def running(self, *words: str) -> AsyncIterator["Running"]:
        """Give a command at work whose output is a pipe."""
        process = await asyncio.create_subprocess_exec(
            *(*_LEEWARD, *words),
            env=self.environment,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        async with _gone_at_the_end(process):
            yield Running(process, process.stdout)

    @asynccontextmanager
    async def on_terminal(self, *words: str, lines: int = 24, columns: int = 100) -> AsyncIterator["Running"]:
        """Give a command at work on a terminal of this size."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        process = await asyncio.create_subprocess_exec(
            *(*_LEEWARD, *words),
            env=self.environment,
            cwd=self.folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        async with _reading(ours) as reader, _gone_at_the_end(process):
            yield Running(process, reader)


class Running:
    """A command at work."""

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.StreamReader) -> None:
        self._process = process
        self._output = output
        self.raw = ""

    @property
    def said(self) -> str:
        """What it has said so far, without the terminal's codes."""
        return _CODES.sub("", self.raw).replace("\r", "")

    async def says(self, *texts: str, seconds: float = 30) -> None:
        """Read on until it has said all texts; raises AssertionError when it ends before."""
        async with asyncio.timeout(seconds):
            while not all(text in self.said for text in texts):
                if not await self._more():
                    raise AssertionError(f"it ended without saying {texts}:\n{self.said}")

    def forget(self) -> None:
        """Look only at what it says from now on."""
        self.raw = ""

    async def ends(self, *, by: signal.Signals | None = signal.SIGINT, seconds: float = 20) -> int:
        """Send a signal, by default what Ctrl-C sends, and return the exit code."""
        if by is not None:
            self._process.send_signal(by)
        async with asyncio.timeout(seconds):
            while await self._more():
                continue
            return await self._process.wait()

    async def _more(self) -> bool:
        try:
            read = await self._output.read(65_536)
        except OSError:
            return False  # Linux says so when nobody is on the other side of a terminal any more.
        self.raw += read.decode(errors="replace")
        return bool(read)


@asynccontextmanager
async def _gone_at_the_end(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def _reading(descriptor: int) -> AsyncIterator[asyncio.StreamReader]:
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    file = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    try:
        yield reader
    finally:
        transport.close()
