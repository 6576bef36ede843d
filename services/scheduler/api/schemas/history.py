"""History rows and previews as documents."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from services.scheduler.api.schemas.values import Document, Time, time_or_none
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import HistoryRow, HistoryStatus

AttemptOf = Literal["MainAction", "ErrorAction"]
"""What attempts are of: a cancel request is part of the attempt that it ends."""


class HistoryDocument(Document, frozen=True, kw_only=True):
    """One attempt, or one occurrence that did not run and why (DESIGN §5, History row)."""

    occurrence_id: str
    scheduled_time: Time
    start_time: Time
    end_time: Time
    action_name: AttemptOf
    status: HistoryStatus
    attempt: int
    host: str | None
    reason: str
    message: str
    retry_count: int
    repeat_count: int


class OccurrenceDocument(Document, frozen=True, kw_only=True):
    """One future due time; `local` is the same instant on the wall clock of the recurrence's zone.

    `fireAt` is when it starts, for a stored job with a flexible window.
    """

    at: Time
    local: str
    fire_at: Time | None = None


class RunDocument(Document, frozen=True, kw_only=True):
    """The answer to `run`: the occurrence that was asked for; the same again for a repeated request id."""

    occurrence_id: str


def attempt_of(name: ActionName) -> AttemptOf:
    """Return which action an attempt was of, as history shows it."""
    return "ErrorAction" if name is ActionName.ERROR else "MainAction"


def history_document(row: HistoryRow) -> HistoryDocument:
    """Return the document of a history row."""
    return HistoryDocument(
        occurrence_id=row.occurrence_id,
        scheduled_time=Time(row.scheduled_time),
        start_time=Time(row.start_time),
        end_time=Time(row.end_time),
        action_name=attempt_of(row.action_name),
        status=row.status,
        attempt=row.attempt,
        host=row.host,
        reason=row.reason,
        message=row.message,
        retry_count=row.retry_count,
        repeat_count=row.repeat_count,
    )


def occurrence_document(at: datetime, zone: str | None, fire_at: datetime | None = None) -> OccurrenceDocument:
    """Return the document of a due time, its wall clock in `zone` (an IANA name) or UTC."""
    local = at.astimezone(ZoneInfo(zone or "UTC")).isoformat()
    return OccurrenceDocument(at=Time(at), local=local, fire_at=time_or_none(fire_at))
