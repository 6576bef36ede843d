"""From a stored job to its document, in the casing that Azure's replies were recorded with (reference §0.3)."""

from services.scheduler.api.schemas.action_writer import action_document
from services.scheduler.api.schemas.jobs import (
    DayName,
    FrequencyName,
    JobDocument,
    MonthlyOccurrenceDocument,
    PlacementDocument,
    RecurrenceDocument,
    ScheduleDocument,
    StatusDocument,
)
from services.scheduler.api.schemas.maintenance_writer import job_maintenance_document
from services.scheduler.api.schemas.values import Duration, time_or_none
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.domain.policies import HostChoice, Placement
from services.scheduler.domain.recurrence import Recurrence, Schedule


def state_shown(job: Job) -> JobState:
    """Return the state as readers see it: behind a closed gate an enabled job is disabled (DESIGN §5, Namespaces)."""
    return JobState.DISABLED if job.state is JobState.ENABLED and not job.gate_open else job.state


def job_document(job: Job) -> JobDocument:
    """Return the whole document of a stored job; a disabled one has no status (reference §1.9)."""
    definition, state = job.definition, state_shown(job)
    return JobDocument(
        name=job.name,
        collection=job.collection,
        state=state,
        action=action_document(definition.action),
        start_time=time_or_none(definition.start_time),
        recurrence=_recurrence(definition.recurrence),
        placement=_placement(definition.placement),
        maintenance=job_maintenance_document(definition),
        overlap=definition.overlap,
        catch_up=definition.catch_up,
        catch_up_window=Duration(definition.catch_up_window),
        timeout=Duration(definition.timeout),
        flexible_window=Duration(definition.flexible_window) if definition.flexible_window else None,
        tags=definition.tags,
        status=None if state is JobState.DISABLED else _status(job),
        created_at=time_or_none(job.created_at),
        updated_at=time_or_none(job.updated_at),
    )


def _status(job: Job) -> StatusDocument:
    return StatusDocument(
        execution_count=job.counters.execution_count,
        failure_count=job.counters.failure_count,
        faulted_count=job.counters.faulted_count,
        last_execution_time=time_or_none(job.counters.last_execution_time),
        next_execution_time=time_or_none(job.next_due) if job.state is JobState.ENABLED else None,
    )


def _recurrence(recurrence: Recurrence | None) -> RecurrenceDocument | None:
    if recurrence is None:
        return None
    frequency = recurrence.frequency
    return RecurrenceDocument(
        frequency=None if frequency is None else FrequencyName(frequency.value),
        interval=None if frequency is None else recurrence.interval,
        count=recurrence.count,
        end_time=time_or_none(recurrence.end_time),
        schedule=_schedule(recurrence.schedule),
        time_zone=recurrence.time_zone,
        cron=recurrence.cron,
    )


def _schedule(schedule: Schedule | None) -> ScheduleDocument | None:
    if schedule is None:
        return None
    monthly = schedule.monthly_occurrences
    return ScheduleDocument(
        minutes=_numbers(schedule.minutes),
        hours=_numbers(schedule.hours),
        week_days=None if schedule.week_days is None else [DayName[day.name] for day in schedule.week_days],
        month_days=_numbers(schedule.month_days),
        monthly_occurrences=None
        if monthly is None
        else [MonthlyOccurrenceDocument(day=DayName[item.day.name], occurrence=item.occurrence) for item in monthly],
    )


def _numbers(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)


def _placement(placement: Placement | None) -> PlacementDocument | None:
    """Return where a job runs; its choice only where it is not the usual one."""
    if placement is None:
        return None
    choice = None if placement.choice is HostChoice.SPREAD else placement.choice
    return PlacementDocument(pool=placement.pool, host=placement.host, choice=choice)
