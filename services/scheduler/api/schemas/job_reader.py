"""From a job document to a job definition: limits, floors and combinations that types cannot say."""

import re
from datetime import datetime, timedelta

from services.scheduler.api.schemas.actions import ActionDocument, ErrorActionDocument, RetryPolicyDocument
from services.scheduler.api.schemas.calls import read_call
from services.scheduler.api.schemas.ground import Author, Ground
from services.scheduler.api.schemas.jobs import JobDocument, PlacementDocument
from services.scheduler.api.schemas.lengths import ZERO, within
from services.scheduler.api.schemas.maintenance import JobMaintenanceDocument
from services.scheduler.api.schemas.maintenance_reader import read_maintenance
from services.scheduler.api.schemas.timing import read_timing
from services.scheduler.api.schemas.values import Duration, encoder
from services.scheduler.domain.actions import Action, ErrorAction, RetryKind, RetryPolicy
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.policies import CatchUp, HostChoice, Overlap, Placement
from services.scheduler.domain.quotas import Allowance, check_occurrences
from services.scheduler.domain.recurrence import Recurrence
from services.scheduler.domain.recurrence_check import check_window
from services.scheduler.domain.secret_fields import CANCEL, ERROR, MAIN
from services.scheduler.errors import InvalidInputError

MAX_RETRIES = 20
MAX_RETRY_INTERVAL = timedelta(days=548)
MAX_TIMEOUT = timedelta(minutes=30)
MAX_TAGS = 50
MAX_TAG_CHARACTERS = 256

_ENCODER = encoder()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PLACE = re.compile(r"[^\x00-\x20\x7f/+#]{1,256}")
_DEFAULT_RETRY = RetryPolicy()
_DEFAULT_WINDOW = timedelta(hours=1)
_DEFAULT_TIMEOUT = timedelta(seconds=60)


def check_name(name: str, field: str = "name") -> None:
    """Raise InvalidInputError unless `name` may name a collection or a job (DESIGN §5, Names)."""
    if not _NAME.fullmatch(name):
        raise InvalidInputError(
            field, f"{name!r} is no name: a letter or digit, then up to 127 letters, digits, '-', '_' or '.'"
        )


def read_job(document: JobDocument, allowed: Allowance, author: Author, *, strict: bool = True) -> JobDefinition:
    """Return what the document defines, as far as its collection allows it, its secrets sealed for the `author`'s job.

    What says nothing where it stands is refused when `strict`, else ignored. Raises InvalidInputError naming the field,
    ConflictError for a recurrence or authentication that the plan forbids.
    """
    if document.action is None:
        raise InvalidInputError("action", "is required")
    size = len(_ENCODER.encode(document))
    if size > allowed.sizes.job_bytes:
        raise InvalidInputError("", f"the job has {size} bytes; at most {allowed.sizes.job_bytes} are allowed")
    start_time, recurrence = read_timing(document, allowed.recurrence)
    check_occurrences(recurrence, allowed)
    placement = _placement(document.placement)
    ground = Ground(author=author, allowed=allowed, placement=placement, strict=strict)
    return JobDefinition(
        action=_action(document.action, document.maintenance, ground),
        start_time=start_time,
        recurrence=recurrence,
        placement=placement,
        maintenance=read_maintenance(document.maintenance),
        overlap=document.overlap or Overlap.SKIP,
        catch_up=document.catch_up or CatchUp.RUN_ONCE,
        catch_up_window=within(document.catch_up_window, "catchUpWindow", _DEFAULT_WINDOW, ZERO, timedelta.max),
        timeout=within(document.timeout, "timeout", _DEFAULT_TIMEOUT, timedelta(milliseconds=1), MAX_TIMEOUT),
        flexible_window=_flexible_window(document.flexible_window, recurrence, start_time),
        tags=read_tags(document.tags),
    )


def read_tags(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags; raises InvalidInputError when there are too many or one is too long."""
    if len(tags) > MAX_TAGS:
        raise InvalidInputError("tags", f"{len(tags)} are too many; at most {MAX_TAGS} are allowed")
    for name, value in tags.items():
        if not name or max(len(name), len(value)) > MAX_TAG_CHARACTERS:
            raise InvalidInputError(f"tags.{name[:40]}", f"names and values have 1 to {MAX_TAG_CHARACTERS} characters")
    return tags


def _flexible_window(window: Duration | None, recurrence: Recurrence | None, start: datetime | None) -> timedelta:
    length = within(window, "flexibleWindow", ZERO, ZERO, timedelta.max)
    check_window(length, recurrence, start)
    return length


def _action(document: ActionDocument, maintenance: JobMaintenanceDocument | None, ground: Ground) -> Action:
    cancel = maintenance.cancel if maintenance is not None else None
    return Action(
        call=read_call(document, MAIN, ground),
        retry_policy=_retry_policy(document.retry_policy, f"{MAIN}.retryPolicy", ground),
        retry_policy_given=document.retry_policy is not None,
        error_action=_error_action(document.error_action, ground),
        cancel=None if cancel is None else read_call(cancel, CANCEL, ground),
    )


def _error_action(document: ErrorActionDocument | None, ground: Ground) -> ErrorAction | None:
    if document is None:
        return None
    return ErrorAction(
        call=read_call(document, ERROR, ground),
        retry_policy=_retry_policy(document.retry_policy, f"{ERROR}.retryPolicy", ground),
    )


def _retry_policy(document: RetryPolicyDocument | None, field: str, ground: Ground) -> RetryPolicy:
    if document is None:
        return _DEFAULT_RETRY
    count = _DEFAULT_RETRY.count if document.retry_count is None else document.retry_count
    if not 0 <= count <= MAX_RETRIES:
        raise InvalidInputError(f"{field}.retryCount", f"{count} is not within 0 and {MAX_RETRIES}")
    shortest = ground.allowed.retry
    interval = within(
        document.retry_interval, f"{field}.retryInterval", _DEFAULT_RETRY.interval, shortest, MAX_RETRY_INTERVAL
    )
    kind = RetryKind.FIXED if document.retry_type is None else RetryKind(document.retry_type.value)
    longest = _max_interval(document.max_interval, f"{field}.maxInterval", kind, interval, strict=ground.strict)
    return RetryPolicy(kind=kind, interval=interval, count=count, max_interval=longest)


def _max_interval(
    longest: Duration | None, field: str, kind: RetryKind, interval: timedelta, *, strict: bool
) -> timedelta | None:
    if longest is None or (kind is not RetryKind.EXPONENTIAL and not strict):
        return None
    if kind is not RetryKind.EXPONENTIAL:
        raise InvalidInputError(field, "goes with retryType Exponential only; set it to null or leave it out")
    if longest.value < interval:
        raise InvalidInputError(field, f"is shorter than retryInterval, which is {Duration(interval)}")
    return within(longest, field, ZERO, ZERO, MAX_RETRY_INTERVAL)


def _placement(document: PlacementDocument | None) -> Placement | None:
    if document is None:
        return None
    if document.pool is None and document.host is None:
        raise InvalidInputError("placement", "names neither pool nor host; give one or both, or leave it out")
    for field, name in (("pool", document.pool), ("host", document.host)):
        if name is not None and not _PLACE.fullmatch(name):
            raise InvalidInputError(f"placement.{field}", f"{name!r} is no name of a {field}")
    return Placement(pool=document.pool, host=document.host, choice=document.choice or HostChoice.SPREAD)
