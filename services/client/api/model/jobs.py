"""Jobs: what they do, when, and where. One that was read may be written back."""

from datetime import datetime, timedelta

import msgspec

from services.client.api.model.actions import Action
from services.client.api.model.base import UNKNOWN, Frequency, Problem, Reply, Word
from services.client.api.model.policies import JobMaintenance, Resolved


class JobState(Word):
    """Where a job stands."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    COMPLETED = "completed"
    FAULTED = "faulted"
    UNKNOWN = UNKNOWN


class Day(Word):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"
    UNKNOWN = UNKNOWN


class HostChoice(Word):
    """Which of a pool's free hosts a job runs on."""

    SPREAD = "Spread"
    STICKY = "Sticky"
    RANDOM = "Random"
    UNKNOWN = UNKNOWN


class Overlap(Word):
    """What happens to an occurrence that falls due while the one before still runs."""

    SKIP = "Skip"
    ALLOW = "Allow"
    QUEUE_ONE = "QueueOne"
    UNKNOWN = UNKNOWN


class CatchUp(Word):
    """Which occurrences missed while no scheduler ran are made up for."""

    RUN_ONCE = "RunOnce"
    RUN_ALL = "RunAll"
    SKIP = "Skip"
    UNKNOWN = UNKNOWN


class MonthlyOccurrence(Reply, frozen=True, kw_only=True):
    """A day of the week, and which one of the month; replies have that under both names."""

    day: Day
    occurrence: int | None = msgspec.field(default=None, name="Occurrence")
    occurrence_small: int | None = msgspec.field(default=None, name="occurrence")


class Schedule(Reply, frozen=True, kw_only=True):
    """Which minutes, hours and days of a recurrence's unit."""

    minutes: list[int] | int | None = None
    hours: list[int] | int | None = None
    week_days: list[Day] | None = None
    month_days: list[int] | int | None = None
    monthly_occurrences: list[MonthlyOccurrence] | None = None


class Recurrence(Reply, frozen=True, kw_only=True):
    """When a job is due again: by a frequency, or by a cron expression."""

    frequency: Frequency | None = None
    interval: int | None = None
    count: int | None = None
    end_time: datetime | None = None
    schedule: Schedule | None = None
    time_zone: str | None = None
    cron: str | None = None


class Placement(Reply, frozen=True, kw_only=True):
    """Where a job runs."""

    pool: str | None = None
    host: str | None = None
    choice: HostChoice | None = None


class JobStatus(Reply, frozen=True, kw_only=True):
    """How a job has done so far."""

    execution_count: int
    failure_count: int
    faulted_count: int
    last_execution_time: datetime | None = None
    next_execution_time: datetime | None = None


class Job(Reply, frozen=True, kw_only=True):
    """A job; lists leave `resolved` out."""

    name: str = ""
    collection: str = ""
    state: JobState | None = None
    action: Action | None = None
    start_time: datetime | None = None
    recurrence: Recurrence | None = None
    placement: Placement | None = None
    maintenance: JobMaintenance | None = None
    overlap: Overlap | None = None
    catch_up: CatchUp | None = None
    catch_up_window: timedelta | None = None
    timeout: timedelta | None = None
    flexible_window: timedelta | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    status: JobStatus | None = None
    resolved: Resolved | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Occurrence(Reply, frozen=True, kw_only=True):
    """A future due time; `fire_at` is when it starts, where there is a flexible window."""

    at: datetime
    local: datetime
    fire_at: datetime | None = None


class Run(Reply, frozen=True, kw_only=True):
    """The occurrence that was asked for."""

    occurrence_id: str


class BatchAnswer(Reply, frozen=True, kw_only=True):
    """What became of one job of many; `error` is None for one that is written."""

    name: str
    status: int
    error: Problem | None = None


class Deleted(Reply, frozen=True, kw_only=True):
    """How many are gone."""

    deleted: int
