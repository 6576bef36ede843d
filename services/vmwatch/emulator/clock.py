"""The emulator's pace: how fast a rehearsal runs.

What the emulator publishes must be true for the programs that read it, so instants stay real; it is the spans that
shrink: at speed 60 a notice of fifteen minutes is a NotBefore fifteen seconds away. A clock that was turned runs ahead
of the real one from then on.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

from services.vmwatch.emulator.bell import Bell
from shared.clock import Clock

_NO_WAIT: Final = timedelta(0)
_TEN_YEARS: Final = 3.2e8
Length = Annotated[float, msgspec.Meta(ge=0, le=_TEN_YEARS)]
"""A span in seconds of Azure's time, as people order it."""
Notice = Annotated[float, msgspec.Meta(ge=-_TEN_YEARS, le=_TEN_YEARS)]
"""The span to NotBefore; it may be over already, as Spot VMs have seen (reference §1.5)."""


class Pace:
    """Real instants, and spans of Azure's time turned into spans of real time."""

    def __init__(self, clock: Clock, *, speed: float = 1.0) -> None:
        """Refuse (ValueError) a speed that is not positive."""
        if not speed > 0:
            raise ValueError(f"speed must be greater than 0, not {speed:g}")
        self.speed = speed
        self._clock = clock
        self._ahead = timedelta(0)
        self._turned = Bell()

    def now(self) -> datetime:
        """Return the present instant: the real one, or as far ahead as the clock was turned."""
        return self._clock.now() + self._ahead

    def span(self, seconds: float) -> timedelta:
        """Return how long so many seconds of Azure's time really take."""
        return timedelta(seconds=seconds / self.speed)

    def turn(self, seconds: float) -> None:
        """Let so many seconds of Azure's time pass at once; whoever waits for an instant looks again.

        Refuses (ValueError) to turn back: Azure's time never does.
        """
        if not seconds >= 0:
            raise ValueError(f"the clock turns forward only, not by {seconds:g} s")
        self._ahead += self.span(seconds)
        self._turned.ring()

    async def until(self, instant: datetime) -> None:
        """Return when an instant has come, by itself or because the clock was turned."""
        while (wait := instant - self.now()) > _NO_WAIT:
            try:
                async with asyncio.timeout(wait.total_seconds()):
                    await self._turned.heard()
            except TimeoutError:
                return
