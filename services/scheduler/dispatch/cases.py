"""What decisions are made from: a job with the policies that apply to it and how long it takes, at one moment."""

from collections.abc import Callable
from datetime import datetime, timedelta

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance, Policies
from services.scheduler.domain.threats import Case


class Cases:
    """Makes cases of jobs."""

    def __init__(
        self,
        *,
        fleet: Maintenance = NO_MAINTENANCE,
        collections: Callable[[CollectionId], Maintenance] = lambda _: NO_MAINTENANCE,
        expected: Callable[[Job], timedelta | None] = lambda _: None,
    ) -> None:
        """`fleet` is the operator's policy, `collections` each collection's, `expected` how long a job takes."""
        self._fleet = fleet
        self._collections = collections
        self._expected = expected

    def of(self, job: Job, occurrence: Occurrence, now: datetime) -> Case:
        """Return what a decision about an occurrence is made from."""
        return Case(
            definition=job.definition,
            policies=self.policies(job),
            uid=job.uid,
            occurrence=occurrence.id,
            expected=self._expected(job),
            now=now,
        )

    def policies(self, job: Job) -> Policies:
        """Return the policies that apply to a job."""
        placement = job.definition.placement
        return Policies(
            job=job.definition.maintenance,
            collection=self._collections(job.collection_id),
            fleet=self._fleet,
            has_pool=placement is not None and placement.pool is not None,
        )
