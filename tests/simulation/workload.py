"""The jobs that are simulated: what they call and where, how often, how long it takes, and what they choose."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import exp
from random import Random
from statistics import NormalDist
from typing import TypeVar

import msgspec

from services.scheduler.domain.actions import Action, HttpCall, RetryKind, RetryPolicy
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.delays import fraction
from services.scheduler.domain.jobs import Job, JobDefinition, JobId, JobState
from services.scheduler.domain.policies import (
    AUTO,
    NO_MAINTENANCE,
    HostChoice,
    Maintenance,
    MaintenanceRule,
    OnRelease,
    Overlap,
    Placement,
    Strategy,
)
from services.scheduler.domain.recurrence import Frequency, Recurrence
from tests.simulation.world import BEGIN, Host, Size

SHORTEST, LONGEST = 0.2, 1800.0
"""Seconds that an execution takes: no call may take longer than half an hour (`timeout`)."""
MEDIAN, _HEAVY = 3.0, 1.9
"""Half of the jobs usually take less than so many seconds; how far they are spread (of the logarithm)."""
_UNSTEADY = 0.35
"""How far the executions of one job are spread (of the logarithm)."""
_P99 = 2.326
_SHARE_OF_INTERVAL = 0.8
FRAGILE = 0.25
"""The share of jobs that do not survive a pause of their VM: a lock, a heartbeat or a connection is gone."""
RETRIED = 0.5
"""The share of jobs that have Azure's default retries (30 s apart, four times); the others have none."""
_NORMAL = NormalDist()
T = TypeVar("T")
_NO_RETRIES = RetryPolicy(kind=RetryKind.NONE, count=0)
_RETRIES = RetryPolicy()
CHOICES = (
    (Maintenance(rule=MaintenanceRule(strategy=Strategy.IGNORE)), 0.05),
    (Maintenance(rule=MaintenanceRule(lead_time=AUTO)), 0.10),
    (Maintenance(rule=MaintenanceRule(on_release=OnRelease.RUN_ALL)), 0.05),
    (NO_MAINTENANCE, 0.80),
)
WHERE = (("uri", 0.60), ("pool", 0.30), ("both", 0.10))
_MANNERS = ((HostChoice.SPREAD, 0.9), (HostChoice.STICKY, 0.05), (HostChoice.RANDOM, 0.05))
_OVERLAPS = ((Overlap.SKIP, 0.95), (Overlap.QUEUE_ONE, 0.05))


class Nature(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is like, beside what its caller defines: how long it usually takes, and what a pause does to it."""

    first: datetime
    every: timedelta
    usual: float
    fragile: bool

    def seconds(self, occurrence_id: str) -> float:
        """Return how long an occurrence takes to execute; the same each time it is tried, and in every variant."""
        spread = _UNSTEADY * _NORMAL.inv_cdf(0.0005 + 0.999 * fraction(occurrence_id, "seconds"))
        return min(LONGEST, max(SHORTEST, self.usual * exp(spread)))

    @property
    def p99(self) -> timedelta:
        """What a long history of it would say."""
        return timedelta(seconds=min(LONGEST, max(SHORTEST, self.usual * exp(_UNSTEADY * _P99))))

    def dues(self, end: datetime) -> int:
        """Return how often it is due before `end`: plain arithmetic, not the scheduler's."""
        return max(0, -((self.first - end) // self.every)) if self.first < end else 0


class Workload(msgspec.Struct, frozen=True):
    """All jobs, with their natures at the same places; a job's id is its place + 1."""

    jobs: list[Job]
    natures: list[Nature]

    def nature(self, job_id: JobId) -> Nature:
        """Return what a job is like."""
        return self.natures[job_id - 1]


def workload(hosts: Sequence[Host], size: Size, seed: int) -> Workload:
    """Return the jobs of a seed."""
    random = Random(f"jobs {seed}")
    definitions: dict[_Traits, JobDefinition] = {}
    found = Workload([], [])
    for number in range(1, size.jobs + 1):
        nature = _nature(_drawn(size.rhythms, random), random)
        traits = _traits(nature, hosts, random)
        # Jobs that are alike share a definition: there are very many.
        if traits not in definitions:
            definitions[traits] = _definition(traits)
        found.jobs.append(_job(number, definitions[traits], nature))
        found.natures.append(nature)
    return found


class _Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What two jobs have in common that may share a definition; `choice` is a place in `CHOICES`."""

    where: str
    host: Host
    manner: HostChoice
    every: timedelta
    retried: bool
    overlap: Overlap
    timeout: timedelta
    choice: int


def _traits(nature: Nature, hosts: Sequence[Host], random: Random) -> _Traits:
    return _Traits(
        where=_drawn(WHERE, random),
        host=random.choice(hosts),
        manner=_drawn(_MANNERS, random),
        every=nature.every,
        retried=random.random() < RETRIED,
        overlap=_drawn(_OVERLAPS, random),
        timeout=timedelta(minutes=1 if nature.p99 < timedelta(seconds=50) else 30),
        choice=_drawn([(place, share) for place, (_, share) in enumerate(CHOICES)], random),
    )


def _job(number: int, definition: JobDefinition, nature: Nature) -> Job:
    return Job(
        id=JobId(number),
        uid=f"job-{number}",
        collection_id=CollectionId(1),
        collection="simulated",
        name=f"job-{number}",
        definition=definition,
        state=JobState.ENABLED,
        anchor=nature.first,
        next_due=nature.first,
        created_at=BEGIN,
        updated_at=BEGIN,
    )


def _nature(every: timedelta, random: Random) -> Nature:
    """A third of the jobs are due on the minute, the others anywhere in their interval."""
    usual = min(LONGEST, max(SHORTEST, MEDIAN * exp(random.gauss(0.0, _HEAVY))))
    offset = timedelta(milliseconds=random.randrange(every // timedelta(milliseconds=1)))
    if random.random() < 1 / 3:
        offset -= offset % timedelta(minutes=1)
    return Nature(
        first=BEGIN + offset,
        every=every,
        usual=min(usual, _SHARE_OF_INTERVAL * every.total_seconds()),
        fragile=random.random() < FRAGILE,
    )


def _definition(traits: _Traits) -> JobDefinition:
    host, is_pinned = traits.host, traits.where == "uri"
    named = host.name if traits.where == "both" else None
    return JobDefinition(
        action=Action(
            call=HttpCall(method="POST", uri=f"http://{host.address if is_pinned else '{host}'}:8080/run"),
            retry_policy=_RETRIES if traits.retried else _NO_RETRIES,
        ),
        recurrence=Recurrence(frequency=Frequency.MINUTE, interval=traits.every // timedelta(minutes=1)),
        placement=None if is_pinned else Placement(pool=host.pool, host=named, choice=traits.manner),
        maintenance=CHOICES[traits.choice][0],
        overlap=traits.overlap,
        timeout=traits.timeout,
    )


def _drawn(shares: Sequence[tuple[T, float]], random: Random) -> T:
    """Return one of several things, each as often as its share says."""
    point = random.random()
    for each, share in shares:
        point -= share
        if point < 0:
            return each
    return shares[-1][0]
