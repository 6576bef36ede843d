"""Job documents: what ARM calls a job's properties, flat, with Leeward's extensions."""

from typing import Annotated

import msgspec

from services.scheduler.api.schemas.actions import ActionDocument
from services.scheduler.api.schemas.maintenance import JobMaintenanceDocument, ResolvedDocument
from services.scheduler.api.schemas.values import READ_ONLY, Document, Duration, Time
from services.scheduler.domain.choices import CaseInsensitive
from services.scheduler.domain.jobs import JobState
from services.scheduler.domain.policies import CatchUp, HostChoice, Overlap


class FrequencyName(CaseInsensitive):
    """The unit of an interval; lower case in replies, as recorded."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class DayName(CaseInsensitive):
    """Days of the week; lower case in replies, as recorded."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class MonthlyOccurrenceDocument(Document, frozen=True, kw_only=True):
    """The n-th such day of a month; `Occurrence` has a capital on Azure's wire, documents write it small (§0.4)."""

    day: DayName
    occurrence: int | None = msgspec.field(default=None, name="Occurrence")
    occurrence_small: int | None = msgspec.field(default=None, name="occurrence")


class ScheduleDocument(Document, frozen=True, kw_only=True):
    """`recurrence.schedule`: rules that refine a frequency."""

    minutes: list[int] | int | None = None
    hours: list[int] | int | None = None
    week_days: list[DayName] | None = None
    month_days: list[int] | int | None = None
    monthly_occurrences: list[MonthlyOccurrenceDocument] | None = None


class RecurrenceDocument(Document, frozen=True, kw_only=True):
    """`recurrence`: frequency x interval with a schedule, or five-field `cron`; `timeZone` is an IANA name."""

    frequency: FrequencyName | None = None
    interval: int | None = None
    count: int | None = None
    end_time: Time | None = None
    schedule: ScheduleDocument | None = None
    time_zone: str | None = None
    cron: str | None = None


class PlacementDocument(Document, frozen=True, kw_only=True):
    """`placement`: a preferred host, a pool to move within, or both; `choice` says which of a pool's free hosts."""

    pool: str | None = None
    host: str | None = None
    choice: HostChoice | None = None


class StatusDocument(Document, frozen=True, kw_only=True):
    """`status`: what has been counted, and when it ran and will run (reference §1.7)."""

    execution_count: int
    failure_count: int
    faulted_count: int
    last_execution_time: Time | None = None
    next_execution_time: Time | None = None


class JobDocument(Document, frozen=True, kw_only=True):
    """A job on the short mount, and `properties` of a job on ARM's."""

    name: Annotated[str | None, READ_ONLY] = None
    collection: Annotated[str | None, READ_ONLY] = None
    state: JobState | None = None
    action: ActionDocument | None = None
    start_time: Time | None = None
    recurrence: RecurrenceDocument | None = None
    placement: PlacementDocument | None = None
    maintenance: JobMaintenanceDocument | None = None
    overlap: Overlap | None = None
    catch_up: CatchUp | None = None
    catch_up_window: Duration | None = None
    timeout: Duration | None = None
    flexible_window: Duration | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    status: Annotated[StatusDocument | None, READ_ONLY] = None
    resolved: Annotated[ResolvedDocument | None, READ_ONLY] = None
    created_at: Annotated[Time | None, READ_ONLY] = None
    updated_at: Annotated[Time | None, READ_ONLY] = None
