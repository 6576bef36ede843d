"""What each plan allows (reference azure-scheduler §2.7; UNLIMITED is DESIGN §5's), and an operator's changes to it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.collections import CollectionDefinition, MaxRecurrence, Sku
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.errors import ConflictError, InvalidInputError
from shared.durations import format_iso, parse_duration


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one plan; None means any number. Collections are counted per subscription."""

    max_jobs: int | None
    max_collections: int | None
    fastest_recurrence: timedelta
    fastest_retry: timedelta = timedelta(seconds=15)


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How large a job and the parts of its request may be, under every plan."""

    job_bytes: int = 16_384
    uri: int = 2048
    body: int = 8192
    headers: int = 50
    header_characters: int = 4096


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is limited: by plan, and in size."""

    plans: Mapping[Sku, Plan]
    sizes: Sizes = Sizes()


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one collection lets a job do: its plan and its own quota together."""

    recurrence: timedelta
    retry: timedelta
    occurrences: int | None = None
    sizes: Sizes = Sizes()


_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
AZURE_LIMITS = Limits(
    plans={
        Sku.FREE: Plan(max_jobs=5, max_collections=1, fastest_recurrence=_HOUR),
        Sku.STANDARD: Plan(max_jobs=50, max_collections=100, fastest_recurrence=_MINUTE),
        Sku.P10_PREMIUM: Plan(max_jobs=50, max_collections=10_000, fastest_recurrence=_MINUTE),
        Sku.P20_PREMIUM: Plan(max_jobs=1000, max_collections=10_000, fastest_recurrence=_MINUTE),
        Sku.UNLIMITED: Plan(
            max_jobs=None,
            max_collections=None,
            fastest_recurrence=timedelta(seconds=1),
            fastest_retry=timedelta(seconds=1),
        ),
    }
)

_SHORTEST = {
    Frequency.SECOND: timedelta(seconds=1),
    Frequency.MINUTE: _MINUTE,
    Frequency.HOUR: _HOUR,
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
        sizes=limits.sizes,
    )


def job_limit(definition: CollectionDefinition, limits: Limits) -> int | None:
    """Return how many jobs such a collection may have; None: any number."""
    own = definition.max_job_count
    return limits.plans[definition.sku].max_jobs if own is None else own


def check_quota(definition: CollectionDefinition, limits: Limits) -> None:
    """Refuse a quota of its own: InvalidInputError for what is no quota, ConflictError above the plan's."""
    sku, plan = definition.sku.value, limits.plans[definition.sku]
    count, recurrence = definition.max_job_count, definition.max_recurrence
    _check_positive("quota.maxJobCount", count)
    _check_positive("quota.maxJobOccurrence", definition.max_job_occurrence)
    if count is not None and plan.max_jobs is not None and count > plan.max_jobs:
        raise ConflictError(f"quota.maxJobCount {count} is above the plan {sku}, which allows {plan.max_jobs} jobs")
    if recurrence is None:
        return
    _check_positive("quota.maxRecurrence.interval", recurrence.interval)
    if _distance(recurrence) < plan.fastest_recurrence:
        fastest = format_iso(plan.fastest_recurrence)
        raise ConflictError(f"quota.maxRecurrence is faster than the plan {sku}, which allows a run every {fastest}")


def check_room(definition: CollectionDefinition, jobs: int, limits: Limits) -> None:
    """Raise ConflictError when such a collection cannot have so many jobs."""
    limit = job_limit(definition, limits)
    if limit is not None and jobs > limit:
        raise ConflictError(f"the collection may have {limit} jobs and would have {jobs}")


def check_collections(sku: Sku, collections: int, limits: Limits) -> None:
    """Raise ConflictError when a subscription cannot have so many collections of this plan."""
    limit = limits.plans[sku].max_collections
    if limit is not None and collections > limit:
        raise ConflictError(
            f"the subscription may have {limit} collections of the plan {sku.value} and would have {collections}"
        )


def check_occurrences(recurrence: Recurrence | None, allowed: Allowance) -> None:
    """Raise ConflictError for a recurrence that goes on for longer than the collection's `quota.maxJobOccurrence`."""
    if recurrence is None or allowed.occurrences is None:
        return
    if recurrence.count is None or recurrence.count > allowed.occurrences:
        raise ConflictError(f"recurrence.count must be {allowed.occurrences} or less: quota.maxJobOccurrence says so")


def is_narrower(after: Allowance, before: Allowance) -> bool:
    """Whether jobs that were right before may be wrong after."""
    fewer = after.occurrences is not None and (before.occurrences is None or after.occurrences < before.occurrences)
    return fewer or after.recurrence > before.recurrence or after.retry > before.retry


def read_limits(changes: Sequence[str]) -> Limits:
    """Return Azure's limits with an operator's changes, each `Plan.limit=value` or `Size.limit=value`.

    Raises ValueError with one argument per fault.
    """
    limits, faults = AZURE_LIMITS, []
    for change in changes:
        try:
            limits = _changed(limits, change)
        except ValueError as fault:
            faults.append(f"{change}: {fault}")
    if faults:
        raise ValueError(*faults)
    return limits


def _distance(recurrence: MaxRecurrence) -> timedelta:
    """Return the shortest distance of runs by such a rule; a month has 28 days at least."""
    return _SHORTEST[recurrence.frequency] * recurrence.interval


def _check_positive(field: str, number: int | None) -> None:
    if number is not None and number < 1:
        raise InvalidInputError(field, "must be 1 or more")


def _any_or_count(text: str) -> int | None:
    return None if text.lower() == "any" else _count(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise ValueError("write a number from 1")
    return int(text)


_PLAN_LIMITS: dict[str, tuple[str, Callable[[str], object]]] = {
    "jobs": ("max_jobs", _any_or_count),
    "collections": ("max_collections", _any_or_count),
    "recurrence": ("fastest_recurrence", parse_duration),
    "retry": ("fastest_retry", parse_duration),
}
_SIZE_LIMITS: dict[str, tuple[str, Callable[[str], object]]] = {
    "job": ("job_bytes", _count),
    "uri": ("uri", _count),
    "body": ("body", _count),
    "headers": ("headers", _count),
    "headercharacters": ("header_characters", _count),
}


def _changed(limits: Limits, change: str) -> Limits:
    place, _, value = (part.strip() for part in change.partition("="))
    subject, _, name = place.partition(".")
    if subject.lower() == "size":
        field, read = _known(_SIZE_LIMITS, name)
        return replace(limits, sizes=replace(limits.sizes, **{field: read(value)}))
    sku = _plan(subject)
    field, read = _known(_PLAN_LIMITS, name)
    return replace(limits, plans={**limits.plans, sku: replace(limits.plans[sku], **{field: read(value)})})


def _plan(name: str) -> Sku:
    try:
        return Sku(name)
    except ValueError:
        raise ValueError(f"begin with one of {', '.join(Sku)} or Size") from None


def _known(limits: dict[str, tuple[str, Callable[[str], object]]], name: str) -> tuple[str, Callable[[str], object]]:
    if name.lower() not in limits:
        raise ValueError(f"behind the dot write one of {', '.join(limits)}")
    return limits[name.lower()]
