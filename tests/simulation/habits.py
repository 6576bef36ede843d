"""What a scheduler knows of how long jobs take: the durations of their last executions."""

from datetime import timedelta

from services.scheduler.domain.durations import Durations, measured
from services.scheduler.domain.jobs import Job
from tests.simulation.workload import Workload

HISTORY = 40
"""Executions of each job that history has when a run begins; a twentieth of the jobs are new and have none."""
_NEW = 20


class Habits:
    """By job, what is known: made up when first asked for, then learnt from what runs."""

    def __init__(self, work: Workload) -> None:
        self._work = work
        self._known: dict[int, Durations] = {}

    def expected(self, job: Job) -> timedelta | None:
        """Return how long an execution of a job takes, 99 times in 100; None when too little is known."""
        return self._of(job).expected(job.definition.timeout)

    def learn(self, job: Job, took: timedelta) -> None:
        """Take in an execution that succeeded."""
        self._known[job.id] = self._of(job).and_one(took)

    def _of(self, job: Job) -> Durations:
        known = self._known.get(job.id)
        if known is None:
            known = self._known[job.id] = self._past(job)
        return known

    def _past(self, job: Job) -> Durations:
        if job.id % _NEW == 0:
            return Durations()
        nature = self._work.nature(job.id)
        past = [timedelta(seconds=nature.seconds(f"{job.uid} past {number}")) for number in range(HISTORY)]
        return measured(past, ())
