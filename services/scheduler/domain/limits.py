"""What each plan allows (reference azure-scheduler §2.7; UNLIMITED is DESIGN §5's), and an operator's changes to it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.collections import Sku
from shared.durations import parse_duration

MAX_COUNT = 2**31 - 1
"""The largest count in a document: the old clients read 32-bit numbers."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one plan; None means any number. Collections are counted per subscription.

    `authentication`: whether HTTP requests may prove who they are from.
    """

    max_jobs: int | None
    max_collections: int | None
    fastest_recurrence: timedelta
    fastest_retry: timedelta = timedelta(seconds=15)
    authentication: bool = True


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


_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
AZURE_LIMITS = Limits(
    plans={
        Sku.FREE: Plan(max_jobs=5, max_collections=1, fastest_recurrence=_HOUR, authentication=False),
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
