"""An image's service as its container would run it: the image's environment and nothing else, and next to no rights."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.parts.dockerfiles import Stage

_WITHOUT_RIGHTS = ("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all")


class Quarters(Protocol):
    """Where the image's root is, and how one gets in."""

    def moved(self, text: str) -> str:
        """Return a text with the image's paths as they are seen from where its programs run."""

    def into(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs words in the image's root; they end up as the same process."""


def nobody(user: str) -> list[str]:
    """Return the command that runs another one as that user (uid:gid), without any capability."""
    uid, _, gid = user.partition(":")
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *_WITHOUT_RIGHTS]


def least_rights(user: str, python: Path) -> list[str]:
    """Return the command that runs another one with as few rights as leave it this Python.

    That user's where it may read the interpreter. Else root's name without any capability, which files' modes bind as
    they do everybody. A developer keeps what rights he has, which cannot be passed on.
    """
    if os.getuid() != 0:
        return ["setpriv", "--no-new-privs"]
    # setpriv itself still opens what root may; what `env` starts no longer does.
    asked = subprocess.run([*nobody(user), "env", str(python), "-c", ""], capture_output=True, check=False)
    return nobody(user) if asked.returncode == 0 else ["setpriv", *_WITHOUT_RIGHTS]


class Container:
    """The process that ENTRYPOINT starts, and others beside it as `docker exec` would start them."""

    def __init__(self, stage: Stage, quarters: Quarters, rights: Sequence[str], settings: Mapping[str, str]) -> None:
        """`rights` runs a command with few of them; `settings` come on top of the image's variables."""
        environment = {name: quarters.moved(value) for name, value in stage.pairs("ENV").items()}
        self._environment = {**environment, **settings}
        folder = quarters.moved(stage.last("WORKDIR").value)
        self._before = quarters.into([*rights, "env", f"--chdir={folder}"])
        self._stage = stage
        self._process: asyncio.subprocess.Process | None = None
        self._log: asyncio.Task[str] | None = None

    async def __aenter__(self) -> Self:
        """Start the service."""
        self._process = await self._started(*self._stage.last("ENTRYPOINT").words)
        self._log = asyncio.create_task(_all_of(self._process))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make sure that it is gone."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._log is not None:
            await self._log

    async def stop(self, *, seconds: float = 15) -> tuple[int, str]:
        """Send the image's stop signal; return the exit code and all that was said; raises TimeoutError."""
        if self._process is None:
            raise RuntimeError("the service does not run")
        self._process.send_signal(signal.Signals[self._stage.last("STOPSIGNAL").value])
        return await self.ended(seconds=seconds)

    async def ended(self, *, seconds: float = 15) -> tuple[int, str]:
        """Wait until the service has ended; return the exit code and all that was said; raises TimeoutError."""
        if self._process is None or self._log is None:
            raise RuntimeError("the service does not run")
        async with asyncio.timeout(seconds):
            return await self._process.wait(), await self._log

    async def run(self, *words: str) -> tuple[int, str]:
        """Run another program in the container; return its exit code and what it said."""
        process = await self._started(*words)
        said = await _all_of(process)
        return await process.wait(), said

    async def is_healthy(self) -> bool:
        """Whether HEALTHCHECK says so."""
        return (await self.run(*self._stage.last("HEALTHCHECK").command))[0] == 0

    async def is_ready(self) -> bool:
        """Whether the service has all that it needs, as a probe that runs a command asks."""
        return (await self.run("python", "-m", "shared.health", "/readyz"))[0] == 0

    async def _started(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._before,
            *words,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


async def _all_of(process: asyncio.subprocess.Process) -> str:
    return (await process.stdout.read()).decode() if process.stdout else ""
