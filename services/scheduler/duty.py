"""A duty for life: done when asked, and again after a while; what fails is told, counted and tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from shared.logs import get_logger
from shared.retry import Backoff

log = get_logger(__name__)


class Duty:
    """One loop of the scheduler. `work` returns after how many seconds it wants to be done again at the latest."""

    def __init__(self, name: str, work: Callable[[], Awaitable[float]], metrics: Metrics) -> None:
        self._name = name
        self._work = work
        self._metrics = metrics
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Have it done at once."""
        self._woken.set()

    async def run(self) -> None:
        """Do it until cancelled. A store that is away is waited for; a defect neither ends this duty nor any other."""
        backoff = Backoff(first=0.2, limit=5.0)
        while True:
            self._woken.clear()
            try:
                seconds = await self._work()
                backoff.reset()
            except (StoreUnavailableError, LeaseLostError) as fault:
                log.warning("duty waits for the store", duty=self._name, error=str(fault))
                await asyncio.sleep(seconds := backoff.next())
            except Exception:  # the rim: dispatch must go on whatever this duty has met
                log.exception("duty failed", duty=self._name)
                self._metrics.duty_failures.labels(self._name).inc()
                await asyncio.sleep(seconds := backoff.next())
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
