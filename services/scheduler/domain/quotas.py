"""What each plan allows (reference azure-scheduler §2.7; UNLIMITED is DESIGN §5's)."""

from datetime import timedelta

import msgspec

from services.scheduler.domain.collections import Collection, Sku
from services.scheduler.errors import ConflictError, InvalidInputError


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one plan; `max_jobs` None means any number."""

    max_jobs: int | None
    fastest_recurrence: timedelta
    fastest_retry: timedelta = timedelta(seconds=15)


PLANS: dict[Sku, Plan] = {
    Sku.FREE: Plan(max_jobs=5, fastest_recurrence=timedelta(hours=1)),
    Sku.STANDARD: Plan(max_jobs=50, fastest_recurrence=timedelta(minutes=1)),
    Sku.P10_PREMIUM: Plan(max_jobs=50, fastest_recurrence=timedelta(minutes=1)),
    Sku.P20_PREMIUM: Plan(max_jobs=1000, fastest_recurrence=timedelta(minutes=1)),
    Sku.UNLIMITED: Plan(max_jobs=None, fastest_recurrence=timedelta(seconds=1), fastest_retry=timedelta(seconds=1)),
}


def plan_of(collection: Collection) -> Plan:
    """Return the plan that holds for a collection."""
    return PLANS[collection.definition.sku]


def job_limit(sku: Sku, own_limit: int | None) -> int | None:
    """Return how many jobs may be in a collection of this plan with this quota of its own; None: any number."""
    return PLANS[sku].max_jobs if own_limit is None else own_limit


def check_job_count(sku: Sku, own_limit: int) -> None:
    """Refuse a collection's own quota: InvalidInputError below 1, ConflictError above the plan's."""
    if own_limit < 1:
        raise InvalidInputError("quota.maxJobCount", "must be 1 or more")
    cap = PLANS[sku].max_jobs
    if cap is not None and own_limit > cap:
        raise ConflictError(f"quota.maxJobCount {own_limit} is above the plan {sku.value}, which allows {cap} jobs")


def check_room(sku: Sku, own_limit: int | None, jobs: int) -> None:
    """Raise ConflictError when a collection of this plan and quota cannot have so many jobs."""
    limit = job_limit(sku, own_limit)
    if limit is not None and jobs > limit:
        raise ConflictError(f"the collection may have {limit} jobs and would have {jobs}")
