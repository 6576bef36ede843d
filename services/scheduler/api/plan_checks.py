"""Whether a collection fits its plan, its subscription and the jobs it has (reference azure-scheduler §1.6, §2.7)."""

from services.scheduler.api.ports import Services
from services.scheduler.domain.collections import Collection, CollectionDefinition, Namespace
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.quotas import (
    Allowance,
    allowance,
    check_authentication,
    check_collections,
    check_occurrences,
    check_quota,
    check_room,
    is_narrower,
    same_plan,
)
from services.scheduler.domain.recurrence_check import check_pace
from services.scheduler.errors import ConflictError

_PAGE = 500


class PlanChecks:
    """Judges a collection before it is written."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._limits = services.limits

    async def check(self, namespace: Namespace, existing: Collection | None, definition: CollectionDefinition) -> None:
        """Raise InvalidInputError for a quota that is none, ConflictError for what the plan or the jobs forbid.

        A write that leaves plan and quota alone passes: a limit that an operator lowered must not lock a gate.
        """
        if existing is not None and same_plan(existing.definition, definition):
            return
        check_quota(definition, self._limits)
        if existing is None or existing.definition.sku is not definition.sku:
            await self._check_subscription(namespace, definition)
        if existing is not None:
            check_room(definition, await self._store.count_jobs(existing.id), self._limits)
            await self._check_jobs(existing, allowance(definition, self._limits))

    async def _check_subscription(self, namespace: Namespace, definition: CollectionDefinition) -> None:
        limit = self._limits.plans[definition.sku].max_collections
        if limit is None:
            return
        same, skip = 0, 0
        while page := await self._store.list_collections(namespace.subscription, None, top=_PAGE, skip=skip):
            same += sum(one.definition.sku is definition.sku for one in page)
            skip += _PAGE
        check_collections(definition.sku, same + 1, self._limits)

    async def _check_jobs(self, collection: Collection, allowed: Allowance) -> None:
        """Look at each job, but only where less is allowed than before."""
        if not is_narrower(allowed, allowance(collection.definition, self._limits)):
            return
        last = None
        while page := await self._store.list_jobs(collection.id, after=last, top=_PAGE, skip=0):
            for job in page:
                _check_job(job, allowed)
            last = page[-1].name


def _check_job(job: Job, allowed: Allowance) -> None:
    definition = job.definition
    try:
        check_authentication(definition.action, allowed)
        check_occurrences(definition.recurrence, allowed)
        if definition.recurrence is not None:
            check_pace(definition.recurrence, definition.start_time, allowed.recurrence)
    except ConflictError as fault:
        raise ConflictError(f"job {job.name}: {fault}") from fault
    policy = definition.action.retry_policy
    if policy.retries and policy.interval < allowed.retry:
        raise ConflictError(f"job {job.name}: action.retryPolicy.retryInterval is shorter than the plan allows")
