"""The emulator's pace: how fast a rehearsal runs.

What the emulator publishes must be true for the programs that read it, so instants stay real; it is the spans that
shrink: at speed 60 a notice of fifteen minutes is a NotBefore fifteen seconds away.
"""

from datetime import timedelta

from shared.clock import Clock


class Pace:
    """Real instants, and spans of Azure's time turned into spans of real time."""

    def __init__(self, clock: Clock, *, speed: float = 1.0) -> None:
        """Refuse (ValueError) a speed that is not positive."""
        if not speed > 0:
            raise ValueError(f"speed must be greater than 0, not {speed:g}")
        self.now = clock.now
        self.speed = speed

    def span(self, seconds: float) -> timedelta:
        """Return how long so many seconds of Azure's time really take."""
        return timedelta(seconds=seconds / self.speed)
