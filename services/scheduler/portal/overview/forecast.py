"""What is to come: when jobs are due, where each occurrence will run as things stand, and which will wait or move."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from services.scheduler.api.preview import preview_job, starts_at
from services.scheduler.domain.executions import occurrence_id
from services.scheduler.domain.grids import MILLISECOND
from services.scheduler.domain.hosts import FleetView, HostView, Threat
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Hold, Lost, Run, decide, home_of
from services.scheduler.domain.policies import Policies
from services.scheduler.domain.threats import Case
from services.scheduler.domain.timetable import timetable
from shared.topics import HostKey


class PlaceKind(StrEnum):
    """What a row of the weather stands for: a host, any host of a pool, or what runs on no known host."""

    HOST = "host"
    POOL = "pool"
    ELSEWHERE = "elsewhere"


class Place(NamedTuple):
    """A row of the weather; `name` is a host's key or a pool's name."""

    kind: PlaceKind
    name: str = ""


ELSEWHERE = Place(PlaceKind.ELSEWHERE)


class Fate(StrEnum):
    """What will become of an occurrence if nothing changes.

    RUNS: it runs there. WAITS: it is held. LEAVES: it would run there, but moves. ENDS: its host is not coming back.
    """

    RUNS = "runs"
    WAITS = "waits"
    LEAVES = "leaves"
    ENDS = "ends"


class Coming(msgspec.Struct, frozen=True):
    """One occurrence that is to come."""

    at: datetime
    place: Place
    fate: Fate


class Forecast:
    """Knows the fleet as it is now, and when which of its events will be over if all goes as announced."""

    def __init__(self, fleet: FleetView, policies: Callable[[Job], Policies]) -> None:
        """`policies` are what applies to a job."""
        self._policies = policies
        self._ends = sorted({end for host in fleet.values() for each in host.threats if (end := _end(each))})
        self._fleets = {0: fleet}
        self._spared: dict[tuple[str, int], bool] = {}

    def place_of(self, job: Job) -> Place:
        """Return where a job runs when nothing stands against it."""
        home = home_of(job.definition, self._fleets[0])
        if home is not None:
            return Place(PlaceKind.HOST, home.key)
        pool = job.definition.placement.pool if job.definition.placement is not None else None
        return Place(PlaceKind.POOL, pool) if pool and self._fleets[0].members(pool) else ELSEWHERE

    def of(self, job: Job, now: datetime, until: datetime, most: int) -> Iterator[Coming]:
        """Yield what is to come of a job, at most `most` due instants evenly spread over the time."""
        place, policies = self.place_of(job), self._policies(job)
        for due in _dues(job, now, until, most):
            at = starts_at(job, due) or due
            if at <= until:
                yield from self._fates(job, place, policies, at)

    def _fates(self, job: Job, place: Place, policies: Policies, at: datetime) -> Iterator[Coming]:
        phase = bisect_right(self._ends, at)
        if not self._is_in_doubt(job, place, phase):
            yield Coming(at, place, Fate.RUNS)
            return
        case = Case(
            definition=job.definition, policies=policies, uid=job.uid, occurrence=occurrence_id(job.uid, at), now=at
        )
        match decide(case, self._fleet(phase), lambda _: (0, 0.0)):
            case Hold():
                yield Coming(at, place, Fate.WAITS)
            case Lost():
                yield Coming(at, place, Fate.ENDS)
            case Run(away_from=str()) if place.kind is PlaceKind.HOST:
                yield Coming(at, place, Fate.LEAVES)
                yield Coming(at, Place(PlaceKind.POOL, _pool(job)), Fate.RUNS)
            case _:
                yield Coming(at, place, Fate.RUNS)

    def _is_in_doubt(self, job: Job, place: Place, phase: int) -> bool:
        """Whether a decision may come to anything but to run there: deciding costs, and mostly there is no doubt."""
        match place.kind:
            case PlaceKind.HOST:
                home = self._fleet(phase)[HostKey(place.name)]
                return bool(home.threats) or home.loss is not None
            case PlaceKind.POOL:
                return not self._has_calm_member(place.name, phase)
            case _:
                return job.definition.placement is not None

    def _has_calm_member(self, pool: str, phase: int) -> bool:
        known = self._spared.get((pool, phase))
        if known is None:
            members = self._fleet(phase).members(pool)
            known = self._spared[pool, phase] = any(not one.threats and one.loss is None for one in members)
        return known

    def _fleet(self, phase: int) -> FleetView:
        """Return the fleet when so many of the ends are behind us."""
        found = self._fleets.get(phase)
        if found is None:
            over = self._ends[phase - 1]
            found = self._fleets[phase] = FleetView(_after(host, over) for host in self._fleets[0].values())
        return found


def _dues(job: Job, now: datetime, until: datetime, most: int) -> Iterator[datetime]:
    """Yield due instants of a job, the next one first; of one that is due more often than `most` times not all."""
    rule = job.definition.recurrence
    if rule is None or rule.count is not None or job.next_due is None:
        yield from (due for due in islice(preview_job(job, now, most), most) if due <= until)
        return
    table = timetable(rule, job.definition.start_time, job.anchor)
    stride = max((until - job.next_due) / most, MILLISECOND)
    due: datetime | None = job.next_due
    while due is not None and due <= until:
        yield due
        due = table.next_after(due + stride - MILLISECOND)


def _end(threat: Threat) -> datetime | None:
    """Return when an event will be over by what it announced; None: nobody knows."""
    if threat.not_before is None or threat.duration_seconds is None:
        return None
    return threat.not_before + timedelta(seconds=threat.duration_seconds)


def _after(host: HostView, instant: datetime) -> HostView:
    """Return a host without what will be over at an instant."""
    if not host.threats:
        return host
    left = tuple(each for each in host.threats if (end := _end(each)) is None or end > instant)
    return replace(host, threats=left)


def _pool(job: Job) -> str:
    placement = job.definition.placement
    return (placement.pool or "") if placement is not None else ""
