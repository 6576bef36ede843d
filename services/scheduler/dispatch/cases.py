"""What decisions are made from: a job with the policies that apply to it and how long it takes, at one moment."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from services.scheduler.domain.actions import Action, ActionName
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job, JobDefinition
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance, Policies
from services.scheduler.domain.threats import Case
from services.scheduler.store.records import Claim


def about(definition: JobDefinition, action: ActionName) -> JobDefinition:
    """Return what decides where one of a job's actions runs: an error action may have nothing to do with the hosts.

    It goes where the job does if it names the host that was chosen (`{host}`, `{hostname}`), else where it points: who
    is told of a failure must be told, however things stand with the job's host.
    """
    error = definition.action.error_action
    if action is ActionName.MAIN or error is None or "{host" in msgspec.json.encode(error.call).decode():
        return definition
    return replace(definition, placement=None, action=Action(call=error.call))


async def _unknown(_: Job) -> None:
    """Know nothing of how long a job takes."""


class Cases:
    """Makes cases of jobs."""

    def __init__(
        self,
        *,
        fleet: Maintenance = NO_MAINTENANCE,
        collections: Callable[[CollectionId], Maintenance] = lambda _: NO_MAINTENANCE,
        expected: Callable[[Job], timedelta | None] = lambda _: None,
        look_up: Callable[[Job], Awaitable[timedelta | None]] = _unknown,
    ) -> None:
        """`fleet` is the operator's policy, `collections` each collection's.

        `expected` is how long a job takes as far as it is known at once, `look_up` by all that the store has.
        """
        self._fleet = fleet
        self._collections = collections
        self._expected = expected
        self._look_up = look_up

    def of(self, job: Job, occurrence: Occurrence, now: datetime) -> Case:
        """Return what a decision about an occurrence is made from."""
        policies = self.policies(job)
        return Case(
            definition=about(job.definition, occurrence.action),
            policies=policies,
            uid=job.uid,
            occurrence=occurrence.id,
            expected=self._expected(job) if policies.reckons else None,
            now=now,
        )

    def foresee(self, claims: Iterable[Claim]) -> None:
        """Ask how long the jobs take of which it may matter, so that it is known by the time they start."""
        for claim in claims:
            if self.policies(claim.job).reckons:
                self._expected(claim.job)

    async def expected(self, job: Job) -> timedelta | None:
        """Return how long an execution of a job takes, 99 times in 100; None when too little is known.

        Raises StoreUnavailableError.
        """
        return await self._look_up(job)

    def policies(self, job: Job) -> Policies:
        """Return the policies that apply to a job."""
        placement = job.definition.placement
        return Policies(
            job=job.definition.maintenance,
            collection=self._collections(job.collection_id),
            fleet=self._fleet,
            has_pool=placement is not None and placement.pool is not None,
        )
