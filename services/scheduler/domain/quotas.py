"""Whether a collection and its jobs keep to plan and quota."""

from datetime import timedelta

import msgspec

from services.scheduler.domain.actions import Action, HttpCall
from services.scheduler.domain.collections import CollectionDefinition, MaxRecurrence, Sku
from services.scheduler.domain.limits import MAX_COUNT, Limits, Sizes
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.errors import ConflictError, InvalidInputError, NoRoomError
from shared.durations import format_iso


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one collection lets a job do: its plan and its own quota together."""

    recurrence: timedelta
    retry: timedelta
    occurrences: int | None = None
    authentication: bool = True
    sizes: Sizes = Sizes()


_MAX_INTERVAL = 1000

_SHORTEST = {
    Frequency.SECOND: timedelta(seconds=1),
    Frequency.MINUTE: timedelta(minutes=1),
    Frequency.HOUR: timedelta(hours=1),
    Frequency.DAY: timedelta(days=1),
    Frequency.WEEK: timedelta(weeks=1),
    Frequency.MONTH: timedelta(days=28),
}


def allowance(definition: CollectionDefinition, limits: Limits) -> Allowance:
    """Return what jobs of such a collection may do."""
    plan = limits.plans[definition.sku]
    own = definition.max_recurrence
    return Allowance(
        recurrence=plan.fastest_recurrence if own is None else max(plan.fastest_recurrence, _distance(own)),
        retry=plan.fastest_retry,
        occurrences=definition.max_job_occurrence,
        authentication=plan.authentication,
        sizes=limits.sizes,
    )


def job_limit(definition: CollectionDefinition, limits: Limits) -> int | None:
    """Return how many jobs such a collection may have; None: any number."""
    known = [limit for limit in (definition.max_job_count, limits.plans[definition.sku].max_jobs) if limit is not None]
    return min(known, default=None)


def check_quota(definition: CollectionDefinition, limits: Limits) -> None:
    """Refuse a quota of its own: InvalidInputError for what is no quota, ConflictError above the plan's."""
    sku, plan = definition.sku.value, limits.plans[definition.sku]
    count, recurrence = definition.max_job_count, definition.max_recurrence
    _check_number("quota.maxJobCount", count, MAX_COUNT)
    _check_number("quota.maxJobOccurrence", definition.max_job_occurrence, MAX_COUNT)
    if count is not None and plan.max_jobs is not None and count > plan.max_jobs:
        raise ConflictError(f"quota.maxJobCount {count} is above the plan {sku}, which allows {plan.max_jobs} jobs")
    if recurrence is None:
        return
    _check_number("quota.maxRecurrence.interval", recurrence.interval, _MAX_INTERVAL)
    if _distance(recurrence) < plan.fastest_recurrence:
        fastest = format_iso(plan.fastest_recurrence)
        raise ConflictError(f"quota.maxRecurrence is faster than the plan {sku}, which allows a run every {fastest}")


def lifted(allowed: Allowance) -> Allowance:
    """Return the allowance of a job whose timing and retries stay: what stood before a limit was lowered may stay."""
    return msgspec.structs.replace(
        allowed, recurrence=timedelta(0), retry=timedelta(0), occurrences=None, authentication=True
    )


def same_plan(one: CollectionDefinition, other: CollectionDefinition) -> bool:
    """Whether plan and quota of both are the same."""
    return _plan(one) == _plan(other)


def check_room(definition: CollectionDefinition, jobs: int, limits: Limits) -> None:
    """Raise NoRoomError when such a collection cannot have so many jobs."""
    limit = job_limit(definition, limits)
    if limit is not None and jobs > limit:
        raise NoRoomError(limit, jobs)


def check_collections(sku: Sku, collections: int, limits: Limits) -> None:
    """Raise ConflictError when a subscription cannot have so many collections of this plan.

    The message does not say how many it has: whoever asks need not see them all.
    """
    limit = limits.plans[sku].max_collections
    if limit is not None and collections > limit:
        raise ConflictError(
            f"the subscription may have {limit} collections of the plan {sku.value} and has no room for another"
        )


def check_occurrences(recurrence: Recurrence | None, allowed: Allowance) -> None:
    """Raise ConflictError for a recurrence that goes on for longer than the collection's `quota.maxJobOccurrence`."""
    if recurrence is None or allowed.occurrences is None:
        return
    if recurrence.count is None or recurrence.count > allowed.occurrences:
        raise ConflictError(f"recurrence.count must be {allowed.occurrences} or less: quota.maxJobOccurrence says so")


def check_authentication(action: Action, allowed: Allowance) -> None:
    """Raise ConflictError for an action that authenticates where the plan has no HTTP authentication."""
    if not allowed.authentication and any(
        isinstance(call, HttpCall) and call.authentication for call in action.calls()
    ):
        raise ConflictError("the plan has no HTTP authentication")


def is_narrower(after: Allowance, before: Allowance) -> bool:
    """Whether jobs that were right before may be wrong after."""
    fewer = after.occurrences is not None and (before.occurrences is None or after.occurrences < before.occurrences)
    bared = before.authentication and not after.authentication
    return fewer or bared or after.recurrence > before.recurrence or after.retry > before.retry


def _plan(definition: CollectionDefinition) -> CollectionDefinition:
    return CollectionDefinition(
        sku=definition.sku,
        max_job_count=definition.max_job_count,
        max_job_occurrence=definition.max_job_occurrence,
        max_recurrence=definition.max_recurrence,
    )


def _distance(recurrence: MaxRecurrence) -> timedelta:
    """Return the shortest distance of runs by such a rule; a month has 28 days at least."""
    return _SHORTEST[recurrence.frequency] * recurrence.interval


def _check_number(field: str, number: int | None, most: int) -> None:
    if number is not None and not 1 <= number <= most:
        raise InvalidInputError(field, f"must be 1 to {most}")
