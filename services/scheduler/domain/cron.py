"""Cron expressions: five fields in a zone, computed by cronsim (its only importer; DESIGN §5, cron)."""

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from services.scheduler.domain.grids import minutes_of_day
from services.scheduler.domain.zones import WallClock
from services.scheduler.errors import InvalidInputError
from shared.clock import EPOCH

_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")


class CronTable:
    """The due instants of one expression.

    Fixed times follow the wall clock (a skipped one runs after the gap, a doubled one once); a minute or hour field
    that starts with `*` goes by elapsed time.
    """

    def __init__(self, expression: str, clock: WallClock) -> None:
        """Raise InvalidInputError when the expression cannot be read."""
        self._expression = expression
        self._zone = clock.zone or UTC
        self._parsed = _parse(expression)

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first due instant later than `instant`; None when there is none within 50 years."""
        for shown in CronSim(self._expression, instant.astimezone(self._zone)):
            due = shown.astimezone(UTC)
            # In the second pass of an hour cronsim starts over in the first.
            if due > instant:
                return due
        return None

    def minutes_of_day(self) -> list[int]:
        """Return the minutes since midnight at which it can be due, ascending."""
        return minutes_of_day(tuple(self._parsed.hours), tuple(self._parsed.minutes))


def _parse(expression: str) -> CronSim:
    given = len(expression.split())
    if given != len(_FIELDS):
        raise InvalidInputError("recurrence.cron", f"give the five fields {', '.join(_FIELDS)}, not {given}")
    try:
        return CronSim(expression, EPOCH)
    except CronSimError as error:
        reason = str(error).removeprefix("Bad ")
        raise InvalidInputError("recurrence.cron", f"correct the {reason} field of {expression!r}") from error
