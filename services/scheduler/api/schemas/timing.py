"""From a job document to its timing: start time and recurrence, wall times placed in their zone."""

from datetime import datetime, timedelta

from services.scheduler.api.schemas.jobs import (
    JobDocument,
    MonthlyOccurrenceDocument,
    RecurrenceDocument,
    ScheduleDocument,
)
from services.scheduler.api.schemas.values import Time
from services.scheduler.domain.recurrence import Frequency, MonthlyOccurrence, Recurrence, Schedule, Weekday
from services.scheduler.domain.recurrence_check import check
from services.scheduler.domain.zones import localize
from services.scheduler.errors import InvalidInputError


def read_timing(document: JobDocument, fastest: timedelta) -> tuple[datetime | None, Recurrence | None]:
    """Return start time and recurrence as instants and rules.

    Raises InvalidInputError for what no plan allows, ConflictError for what is faster than this plan's `fastest`.
    """
    zone = document.recurrence.time_zone if document.recurrence else None
    start = instant(document.start_time, zone, "startTime")
    if document.recurrence is None:
        return start, None
    recurrence = _recurrence(document.recurrence, zone)
    check(recurrence, start, fastest=fastest)
    return start, recurrence


def _recurrence(document: RecurrenceDocument, zone: str | None) -> Recurrence:
    if document.cron is not None and document.interval is not None:
        raise InvalidInputError("recurrence.interval", "does not go with cron; set it to null")
    return Recurrence(
        frequency=None if document.frequency is None else Frequency(document.frequency.value),
        interval=1 if document.interval is None else document.interval,
        count=document.count,
        end_time=instant(document.end_time, zone, "recurrence.endTime"),
        schedule=_schedule(document.schedule),
        time_zone=zone,
        cron=document.cron,
    )


def _schedule(document: ScheduleDocument | None) -> Schedule | None:
    if document is None or document == ScheduleDocument():
        return None
    return Schedule(
        minutes=_numbers(document.minutes),
        hours=_numbers(document.hours),
        week_days=None if document.week_days is None else tuple(Weekday[day.name] for day in document.week_days),
        month_days=_numbers(document.month_days),
        monthly_occurrences=_monthly(document.monthly_occurrences),
    )


def _numbers(value: list[int] | int | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, int) else tuple(value)


def _monthly(value: list[MonthlyOccurrenceDocument] | None) -> tuple[MonthlyOccurrence, ...] | None:
    if value is None:
        return None
    return tuple(
        MonthlyOccurrence(
            day=Weekday[item.day.name],
            occurrence=item.occurrence if item.occurrence is not None else item.occurrence_small,
        )
        for item in value
    )


def instant(time: Time | None, zone: str | None, field: str) -> datetime | None:
    """Return the instant that was written, a wall time placed in `zone` (None: UTC). Raises InvalidInputError."""
    if time is None:
        return None
    if time.value.tzinfo is not None:
        return time.value
    try:
        return localize(time.value, zone)
    except OverflowError as fault:
        raise InvalidInputError(field, "lies outside the calendar") from fault
