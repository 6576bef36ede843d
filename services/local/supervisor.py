"""Keeps the parts of `leeward up` alive: starts them, restarts what died, stops them in order."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Callable
from itertools import count, groupby
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from services.local.errors import PartFailedError
from services.local.logfile import last_lines, open_log
from services.local.parentage import dying_with_parent
from services.local.readiness import Probe
from shared.retry import Backoff

_REFUSED = 2
_FALSE_STARTS = 3
_STEADY_SECONDS = 30
_LOOK_SECONDS = 0.05


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `wave` orders starts, and stops the other way round; `patience`: seconds from SIGTERM to SIGKILL."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    probe: Probe
    wave: int
    patience: float


class Keeper:
    """Keeps one part running until told to stop."""

    def __init__(self, part: Part, log: Path, tell: Callable[[str], None]) -> None:
        """`tell` hears, in plain words, when the part died and is started again."""
        self.part = part
        self.log = log
        self._tell = tell
        self._process: Process | None = None
        self._ready_once = False
        self._task = asyncio.create_task(self._keep(), name=f"keep {part.name}")

    @property
    def pid(self) -> int | None:
        """The present process; None between two."""
        return self._process.pid if self._process else None

    async def _keep(self) -> None:
        backoff = Backoff(first=0.5, limit=10)
        clock = asyncio.get_running_loop()
        for life in count(1):
            began = clock.time()
            code = await self._live()
            if not self._ready_once and (code == _REFUSED or life == _FALSE_STARTS):
                raise self._failure(f"cannot be started: it {_ending(code)}")
            if clock.time() - began > _STEADY_SECONDS:
                backoff.reset()
            # Who killed it knows why; of one that ended by itself the log does.
            where = f"; see {self.log}" if code >= 0 else ""
            self._tell(f"{self.part.name} {_ending(code)}{where}; starting it again.")
            await asyncio.sleep(backoff.next())

    async def _live(self) -> int:
        """Run one life of the part to its end."""
        with open_log(self.log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.part.argv,
                env=self.part.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(),
            )
        try:
            return await self._process.wait()
        finally:
            if self._process.returncode is not None:
                self._process = None

    async def until_ready(self, limit: float) -> None:
        """Return once the probe is answered. Raises PartFailedError after `limit` seconds, or when it refused."""
        try:
            async with asyncio.timeout(limit):
                while (lacks := await self.part.probe()) is not None:
                    if self._task.done():
                        await self._task
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise self._failure(f"is not ready after {limit:g} s ({lacks})") from None
        self._ready_once = True

    async def stop(self) -> None:
        """End the part: SIGTERM, and SIGKILL to its whole session when it takes longer than its patience."""
        process = self._process
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, PartFailedError):
            await self._task
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(self.part.patience):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def _failure(self, what: str) -> PartFailedError:
        lines = last_lines(self.log)
        return PartFailedError(f"{self.part.name} {what}; its log {self.log} ends with:\n{lines or '(nothing)'}")


class Supervisor:
    """All parts together; leaving its context stops them, the last wave first."""

    def __init__(self, logs: Path, tell: Callable[[str], None]) -> None:
        """Logs go to `logs`/NAME.log."""
        self._logs = logs
        self._tell = tell
        self._keepers: list[Keeper] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waves = groupby(sorted(self._keepers, key=_wave, reverse=True), key=_wave)
        for _, keepers in waves:
            await asyncio.gather(*(keeper.stop() for keeper in keepers))

    def start(self, part: Part) -> Keeper:
        """Start a part and keep it running from now on."""
        keeper = Keeper(part, self._logs / f"{part.name}.log", self._tell)
        self._keepers.append(keeper)
        return keeper

    async def until_ready(self, limit: float) -> None:
        """Return once every part is ready. Raises PartFailedError for the first that is not within `limit` seconds."""
        try:
            async with asyncio.TaskGroup() as group:
                for keeper in self._keepers:
                    group.create_task(keeper.until_ready(limit))
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None


def _wave(keeper: Keeper) -> int:
    return keeper.part.wave


def _ending(code: int) -> str:
    """Say how a process ended, from asyncio's return code (negative: the signal)."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
