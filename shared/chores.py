"""Periodic work of a service, run by APScheduler: one instance at a time, coalesced, errors logged."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from types import TracebackType
from typing import Self

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from shared.clock import SystemClock
from shared.logs import get_logger

Duty = Callable[[], Awaitable[None]]
_log = get_logger(__name__)


class Chores:
    """The periodic duties of one process; they run while the context is open and are cancelled when it closes."""

    def __init__(self) -> None:
        """Prepare an empty list of duties; nothing runs before the context is entered."""
        self._running: set[asyncio.Task[None]] = set()
        # APScheduler warns about each skipped or coalesced run, which is what was asked for.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    async def __aenter__(self) -> Self:
        """Start the duties."""
        self._scheduler.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Start nothing more, cancel what runs, and wait until it has ended."""
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
            next_run_time=SystemClock().now() + timedelta(seconds=first_after),
        )

    async def _guarded(self, duty: Duty, name: str) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a chore runs only as a task")
        self._running.add(task)
        try:
            await duty()
        except Exception:  # noqa: BLE001 - the rim of the loop: one failure must not end the series
            _log.exception("chore failed", chore=name)
        finally:
            self._running.discard(task)
