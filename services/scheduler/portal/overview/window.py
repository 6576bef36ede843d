"""The stretch of time that the weather shows, and where in it an instant lies."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from aiohttp import web

from services.scheduler.errors import InvalidInputError
from shared.clock import EPOCH


class Zoom(StrEnum):
    """How far the weather looks back; ahead it looks twice as far, or as far when it looks closely."""

    CLOSE = "10m"
    USUAL = "1h"
    FAR = "6h"


class _Scale(msgspec.Struct, frozen=True):
    """How far to look back and ahead, and how far one label of the axis is from the next."""

    back: timedelta
    ahead: timedelta
    step: timedelta


_SCALES = {
    Zoom.CLOSE: _Scale(timedelta(minutes=10), timedelta(minutes=10), timedelta(minutes=2)),
    Zoom.USUAL: _Scale(timedelta(hours=1), timedelta(hours=2), timedelta(minutes=15)),
    Zoom.FAR: _Scale(timedelta(hours=6), timedelta(hours=12), timedelta(hours=1)),
}
ZOOMS = {
    Zoom.CLOSE: "10 minutes back, 10 ahead",
    Zoom.USUAL: "1 hour back, 2 ahead",
    Zoom.FAR: "6 hours back, 12 ahead",
}
"""What the links say."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The stretch from `start` to `end` around `now`, in columns of `step`.

    It begins on a whole step, so that the labels of the axis are round and move only when a step is over.
    """

    zoom: Zoom
    start: datetime
    end: datetime
    now: datetime
    step: timedelta

    def percent(self, at: datetime) -> float:
        """Return where an instant lies, 0 being the start and 100 the end; one outside lies on the nearer edge."""
        return round(100 * ((min(max(at, self.start), self.end) - self.start) / (self.end - self.start)), 2)

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies inside."""
        return self.start <= at <= self.end

    @property
    def columns(self) -> tuple[datetime, ...]:
        """When each column begins."""
        return tuple(self.start + number * self.step for number in range((self.end - self.start) // self.step))


def window_at(zoom: Zoom, now: datetime) -> Window:
    """Return what a zoom shows at an instant."""
    scale = _SCALES[zoom]
    back = now - scale.back
    start = back - (back - EPOCH) % scale.step
    return Window(zoom=zoom, start=start, end=start + scale.back + scale.ahead + scale.step, now=now, step=scale.step)


def read_zoom(request: web.Request) -> Zoom:
    """Return the zoom that a request asks for. Raises InvalidInputError."""
    text = request.query.get("zoom", Zoom.USUAL)
    try:
        return Zoom(text)
    except ValueError:
        raise InvalidInputError("zoom", f"{text[:20]!r} is no zoom; write one of {', '.join(Zoom)}") from None
