"""A clock that goes on like the machine's and can be stepped, as operators and time servers do."""

from datetime import datetime, timedelta
from typing import Self

from shared.clock import SystemClock


class SteppedClock:
    """The machine's clock, as much ahead or behind as it was stepped."""

    def __init__(self) -> None:
        self._machine = SystemClock()
        self._ahead = timedelta(0)

    @classmethod
    def at(cls, instant: datetime) -> Self:
        """Return a clock that stands at an instant now, and goes on from there."""
        clock = cls()
        clock.set(instant)
        return clock

    def now(self) -> datetime:
        """Return the instant that this clock shows."""
        return self._machine.now() + self._ahead

    def step(self, by: timedelta) -> None:
        """Move the clock at once, forward or back."""
        self._ahead += by

    def set(self, instant: datetime) -> None:
        """Make the clock show an instant."""
        self.step(instant - self.now())
