"""What a document would come to if it were saved now: when it is due, what to look out for, how else to say it."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from services.scheduler.api.preview import preview_timing
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.timing import read_timing
from services.scheduler.domain.jobs import JobState
from services.scheduler.domain.recurrence import Recurrence
from services.scheduler.domain.zones import WallClock
from services.scheduler.errors import ConflictError, InvalidInputError
from services.scheduler.portal.jobs.form.clock_changes import clock_warnings
from services.scheduler.portal.jobs.form.command_line import command_line, needs_file
from services.scheduler.portal.jobs.form.rhythm_words import rhythm_words

DUES = 10
_LATE = timedelta(seconds=1)
"""A start that was now when the form was opened is no start in the past."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A due time, and what the clock of the job's zone shows then."""

    at: datetime
    local: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is told of a document. `command` is empty where the command line does not reach."""

    words: str
    zone: str
    dues: tuple[Due, ...]
    warnings: tuple[str, ...]
    document: str
    command: str
    needs_file: bool


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """When a job would run."""

    start: datetime | None
    rule: Recurrence | None


def preview_of(document: Mapping[str, Any], collection: str, name: str, now: datetime, *, is_near: bool) -> Preview:
    """Return the preview of a document that holds no secret any more, as its `collection` would have it.

    `is_near`: the command line reaches that.
    """
    timing = _timing(document)
    command = command_line(collection or "COLLECTION", name or "JOB", document) if is_near else ""
    dues = () if timing is None else tuple(_dues(timing, now))
    return Preview(
        words="" if timing is None else rhythm_words(timing.rule, timing.start),
        zone=(timing.rule.time_zone if timing and timing.rule else None) or "UTC",
        dues=dues,
        warnings=() if timing is None else tuple(_warnings(timing, document, dues, now)),
        document=msgspec.json.format(msgspec.json.encode(document), indent=2).decode(),
        command=command,
        needs_file=needs_file(command),
    )


def _timing(document: Mapping[str, Any]) -> Timing | None:
    """Return when a document's job would run, whatever else is wrong with it; None when just that is wrong."""
    part = {name: document[name] for name in ("startTime", "recurrence") if name in document}
    try:
        start, rule = read_timing(read(part, JobDocument), timedelta(0))
    except (InvalidInputError, ConflictError):
        return None
    return Timing(start=start, rule=rule)


def _dues(timing: Timing, now: datetime) -> Iterator[Due]:
    clock = WallClock(timing.rule.time_zone if timing.rule else None)
    for at in preview_timing(timing.rule, timing.start, now, DUES):
        yield Due(at=at, local=f"{clock.read(at):%a %Y-%m-%d %H:%M:%S}")


def _warnings(timing: Timing, document: Mapping[str, Any], dues: tuple[Due, ...], now: datetime) -> Iterator[str]:
    rule, start = timing.rule, timing.start
    if not dues:
        yield "It never runs: nothing is due any more, so it is completed as soon as it is saved."
    elif start is not None and start < now - _LATE:
        if rule is None:
            yield "Its start is past: it runs as soon as it is saved."
        else:
            yield "Its start is past: what was due since then is not made up for."
    if rule is not None and start is None and rule.cron is None and dues:
        yield "It has no start: it runs as soon as it is saved, then by its rule."
    if rule is not None and not rule.time_zone and (rule.cron or (rule.schedule and rule.schedule.hours)):
        yield "It has no time zone: its hours are those of UTC, in summer as in winter."
    if rule is not None and dues:
        yield from clock_warnings(rule, start, now)
    if str(document.get("state")).lower() == JobState.DISABLED:
        yield "It is disabled: nothing runs until somebody enables it."
