"""Periodic work of a service, run by APScheduler: one instance at a time, coalesced, errors logged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from types import TracebackType
from typing import Self

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from shared.clock import Clock, SystemClock
from shared.logs import get_logger

Duty = Callable[[], Awaitable[None]]
_LOOK_SECONDS = 1.0
_log = get_logger(__name__)


class Chores:
    """The periodic duties of one process; they run while the context is open and are cancelled when it closes.

    APScheduler goes by the wall clock, and one that is set back would stop every duty until it has caught up again.
    Therefore that is looked for, and then all duties run at once.
    """

    def __init__(self, clock: Clock | None = None, *, look_seconds: float = _LOOK_SECONDS) -> None:
        """Prepare an empty list of duties; nothing runs before the context is entered.

        Each `look_seconds` the `clock`, by default the machine's, is looked at.
        """
        self._clock = clock or SystemClock()
        self._look_seconds = look_seconds
        self._looked_at = self._clock.now()
        self._look: asyncio.TimerHandle | None = None
        self._running: set[asyncio.Task[None]] = set()
        # APScheduler warns about each skipped or coalesced run, which is what was asked for.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    async def __aenter__(self) -> Self:
        """Start the duties."""
        self._scheduler.start()
        self._mind_the_clock()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Start nothing more, cancel what runs, and wait until it has ended."""
        if self._look is not None:
            self._look.cancel()
        self._scheduler.shutdown(wait=False)
        # The scheduler shuts down in a callback of the loop: nothing may start after the tasks are gathered below.
        await asyncio.sleep(0)
        running = tuple(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def every(self, seconds: float, duty: Duty, *, name: str, jitter: float = 0, first_after: float = 0) -> None:
        """Run `duty` each `seconds` (plus or minus up to `jitter`), the first time `first_after` seconds from now."""
        self._scheduler.add_job(
            self._guarded,
            "interval",
            args=(duty, name),
            id=name,
            name=name,
            seconds=seconds,
            jitter=jitter or None,
            next_run_time=self._clock.now() + timedelta(seconds=first_after),
        )

    def _mind_the_clock(self) -> None:
        now, before = self._clock.now(), self._looked_at
        self._looked_at = now
        if now < before:
            _log.warning("clock set back", seconds=(before - now).total_seconds())
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=now)
        self._look = asyncio.get_running_loop().call_later(self._look_seconds, self._mind_the_clock)

    async def _guarded(self, duty: Duty, name: str) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a chore runs only as a task")
        self._running.add(task)
        try:
            await duty()
        except asyncio.CancelledError:
            if not task.cancelling():
                raise
            # Closing did this, and APScheduler would report it as an error.
        except Exception:  # noqa: BLE001 - the rim of the loop: one failure must not end the series
            _log.exception("chore failed", chore=name)
        finally:
            self._running.discard(task)
