"""The shapes of what alerts ask about metrics, as far as one replica can answer for itself."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import msgspec

from services.scheduler.health.figures import Figures

OBJECTIVE = 0.01
"""The share of attempts that may start more than a second late."""


class Condition(Protocol):
    """Something that holds, or does not, by the figures of this moment."""

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        ...


class Above(msgspec.Struct, frozen=True, kw_only=True):
    """A gauge is above a limit."""

    metric: str
    limit: float
    labels: dict[str, str] = {}

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        return figures.now(self.metric, self.labels) > self.limit


class Zero(msgspec.Struct, frozen=True, kw_only=True):
    """A gauge says that something is not there."""

    metric: str

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        return figures.now(self.metric) == 0


class Off(msgspec.Struct, frozen=True, kw_only=True):
    """A gauge is further from zero than a limit."""

    metric: str
    limit: float

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        return abs(figures.now(self.metric)) > self.limit


class AnyZero(msgspec.Struct, frozen=True, kw_only=True):
    """One of the gauges with a label says that something is out of order."""

    metric: str
    label: str

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        return 0.0 in figures.each(self.metric, self.label).values()


class Rose(msgspec.Struct, frozen=True, kw_only=True):
    """A counter has risen within a window, with one of some values of a label (none: whatever it is)."""

    metric: str
    window: timedelta
    label: str = ""
    among: Sequence[str] = ()

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        if not self.among:
            return figures.increase(self.metric, self.window) > 0
        return any(figures.increase(self.metric, self.window, {self.label: one}) > 0 for one in self.among)


class Grows(msgspec.Struct, frozen=True, kw_only=True):
    """A gauge is above a limit and still rises, or is at its most."""

    metric: str
    limit: float
    most: float
    window: timedelta

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        present = figures.now(self.metric)
        return present >= self.most or (present > self.limit and figures.increase(self.metric, self.window) > 0)


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """Something waits, and nothing of it was done within a window."""

    waiting: str
    done: str
    window: timedelta

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        return figures.now(self.waiting) > 0 and figures.increase(self.done, self.window) == 0


class Burns(msgspec.Struct, frozen=True, kw_only=True):
    """More than a share of attempts start late, over a long window and still over a short one; a few do not count."""

    factor: float
    long: timedelta
    short: timedelta
    least: int

    def holds(self, figures: Figures) -> bool:
        """Whether it is so now."""
        shares = [_share(figures, window) for window in (self.long, self.short)]
        return min(shares) > self.factor * OBJECTIVE and figures.late(self.long) > self.least


def _share(figures: Figures, window: timedelta) -> float:
    started = figures.started(window)
    return figures.late(window) / started if started else 0.0
