"""Azure's own limits, off unless asked for: slow activation, the 24-hour switch-off, five requests a second."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

import msgspec

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Habits

_WINDOW: Final = timedelta(seconds=1)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How strict the emulator is; Azure's values are 120, 300, 86400 and 5. Zero is off, seconds are Azure's.

    `activation_delay` is how long after the first request events begin to show. `etag` adds the ETag header and answers
    304, which Azure's own sample expects (reference §1.1).
    """

    first_call_delay: float = 0.0
    activation_delay: float = 0.0
    disable_after: float = 0.0
    requests_per_second: int = 0
    etag: bool = False
    habits: Habits = Habits()


class Activation:
    """Whether Scheduled Events are on for a fleet: the first request switches them on, a day of silence off."""

    def __init__(self, pace: Pace, options: Options) -> None:
        """Begin switched off."""
        self._first_call_delay = pace.span(options.first_call_delay)
        self._activation_delay = pace.span(options.activation_delay)
        self._disable_after = pace.span(options.disable_after)
        self._asked_at: datetime | None = None
        self._ready_at: datetime | None = None
        self._delivers_at: datetime | None = None

    def touch(self, now: datetime) -> tuple[timedelta, bool]:
        """Note a request; return how long its answer takes, and whether the service had been switched off."""
        idle = self._asked_at is not None and now - self._asked_at > self._disable_after > timedelta(0)
        if idle or self._ready_at is None:
            self._ready_at = now + self._first_call_delay
            self._delivers_at = now + self._activation_delay
        self._asked_at = now
        return max(self._ready_at - now, timedelta(0)), idle

    def delivers(self, now: datetime) -> bool:
        """Whether events show already: not before the first request, and a while after it."""
        return self._delivers_at is not None and now >= self._delivers_at


class RateLimit:
    """The limit per VM over all its callers, in real time: it protects the host, not the rehearsal."""

    def __init__(self, per_second: int) -> None:
        """Zero means no limit."""
        self._per_second = per_second
        self._recent: dict[str, deque[datetime]] = {}

    def allows(self, vm: str, now: datetime) -> bool:
        """Count a request of `vm`, or return False when it has had its share of the last second."""
        if not self._per_second:
            return True
        recent = self._recent.setdefault(vm, deque())
        while recent and now - recent[0] >= _WINDOW:
            recent.popleft()
        if len(recent) >= self._per_second:
            return False
        recent.append(now)
        return True
