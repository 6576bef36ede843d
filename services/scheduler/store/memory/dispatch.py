"""Claims and their outcomes in memory."""

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from services.scheduler.domain.executions import Occurrence, OccurrenceId, OccurrenceState
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.store.memory.lives import check_registered
from services.scheduler.store.memory.state import State, standing_of
from services.scheduler.store.progress import concluded, ending, planned_job, settled, wishes
from services.scheduler.store.records import (
    Claim,
    Held,
    Outcome,
    Ownership,
    Planner,
    Release,
)


class ClaimVerbs:
    """The verbs with which a replica takes occurrences."""

    _state: State

    async def claim(
        self, owner: Ownership, *, now: datetime, horizon: datetime, limit: int, plan: Planner
    ) -> list[Claim]:
        """See the port."""
        check_registered(self._state, owner)
        ready = self._ready(horizon)[:limit]
        plans = [(job, plan(job)) for job in self._due(horizon)[: limit - len(ready)]]
        found = [(occurrence, self._state.jobs[occurrence.job_id]) for occurrence in ready]
        for job, planned in plans:
            moved = planned_job(job, planned)
            self._state.jobs[job.id] = moved
            self._state.append(planned.missed)
            fresh = [one for one in planned.occurrences if one.id not in self._state.occurrences]
            found += [(one, moved) for one in fresh if one.fire_at <= horizon]
            for later in fresh:
                if later.fire_at > horizon:
                    self._state.put(replace(later, state=OccurrenceState.READY))
        claims = [
            Claim(occurrence=replace(occurrence, state=OccurrenceState.CLAIMED), job=job) for occurrence, job in found
        ]
        for claim in claims:
            self._state.put(claim.occurrence, owner.fence)
        return [replace(claim, contended=any(self._state.contenders(owner, claim.job.id))) for claim in claims]

    async def list_claims(self, owner: Ownership) -> list[Claim]:
        """See the port."""
        mine = [self._state.occurrences[id_] for id_, fence in self._state.owners.items() if fence == owner.fence]
        return [Claim(occurrence=one, job=self._state.jobs[one.job_id], contended=True) for one in mine]

    async def preceded(
        self, owner: Ownership, ids: Sequence[OccurrenceId], *, now: datetime
    ) -> frozenset[OccurrenceId]:
        """See the port."""
        asked = [self._state.occurrences[id_] for id_ in ids if id_ in self._state.occurrences]
        return frozenset(
            one.id
            for one in asked
            if any(_goes_before(other, one, now) for other in self._state.contenders(owner, one.job_id))
        )

    def _ready(self, horizon: datetime) -> list[Occurrence]:
        ready = [
            one
            for one in self._state.occurrences.values()
            if one.state is OccurrenceState.READY and one.fire_at <= horizon
        ]
        return sorted(ready, key=lambda one: one.fire_at)

    def _due(self, horizon: datetime) -> list[Job]:
        due = [
            (job.next_due, job.id, job)
            for job in self._state.jobs.values()
            if job.state is JobState.ENABLED and job.gate_open and job.next_due is not None and job.next_due <= horizon
        ]
        return [job for _, _, job in sorted(due, key=lambda one: one[:2])]


def _goes_before(other: Occurrence, one: Occurrence, now: datetime) -> bool:
    if other.id == one.id:
        return False
    comes_first = (other.fire_at, other.due, other.id) < (one.fire_at, one.due, one.id)
    return comes_first or other.attempt > 1 or (other.manual and other.fire_at <= now)


class SettleVerbs:
    """The verbs with which occurrences end or go on."""

    _state: State

    async def settle(self, owner: Ownership, outcomes: Sequence[Outcome]) -> frozenset[OccurrenceId]:
        """See the port."""
        mine = [one for one in outcomes if self._is_of_claim(owner, one)]
        self._record(mine)
        return frozenset(one.occurrence_id for one in outcomes) - {one.occurrence_id for one in mine}

    async def list_held(self, *, after: OccurrenceId | None = None, limit: int = 500) -> list[Held]:
        """See the port."""
        held = [one for one in self._state.occurrences.values() if one.state is OccurrenceState.HELD]
        page = sorted((one for one in held if one.id > (after or "")), key=lambda one: one.id)[:limit]
        return [Held(occurrence=one, job=self._state.jobs[one.job_id]) for one in page]

    async def last_releases(self, now: datetime) -> dict[str, datetime]:
        """See the port."""
        last: dict[str, datetime] = {}
        for one in self._state.occurrences.values():
            if one.host is not None and one.state is not OccurrenceState.HELD and one.fire_at > now:
                last[one.host] = max(one.fire_at, last.get(one.host, now))
        return last

    async def release(self, releases: Sequence[Release]) -> frozenset[OccurrenceId]:
        """See the port."""
        held = {one.id: one for one in self._state.occurrences.values() if one.state is OccurrenceState.HELD}
        freed = [release for release in releases if release.occurrence_id in held]
        for release in freed:
            if release.fire_at is not None:
                one = held[release.occurrence_id]
                self._state.put(replace(one, state=OccurrenceState.READY, fire_at=release.fire_at))
        self._record([ending(release) for release in freed if release.fire_at is None])
        return frozenset(release.occurrence_id for release in freed)

    def _is_of_claim(self, owner: Ownership, outcome: Outcome) -> bool:
        if self._state.owners.get(outcome.occurrence_id) != owner.fence:
            return False
        return outcome.attempt in (None, self._state.occurrences[outcome.occurrence_id].attempt)

    def _record(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._move(outcome)
            self._state.append(outcome.rows)
            standing = standing_of(self._state.jobs[outcome.job_id])
            self._state.stand(outcome.job_id, settled(standing, outcome))
        for job_id, wish in wishes(outcomes).items():
            standing = standing_of(self._state.jobs[job_id])
            unfinished = any(self._state.unfinished(job_id))
            self._state.stand(job_id, concluded(standing, wish, unfinished=unfinished))

    def _move(self, outcome: Outcome) -> None:
        one = self._state.occurrences[outcome.occurrence_id]
        following = outcome.following
        if following is not None:
            self._state.put(
                replace(
                    one,
                    state=OccurrenceState.READY,
                    action=following.action,
                    fire_at=following.fire_at,
                    retries=following.retries,
                    attempt=one.attempt + 1,
                    host=None,
                    reason="",
                    held_under="",
                )
            )
        elif outcome.deferred_until is not None:
            self._state.put(replace(one, state=OccurrenceState.READY, fire_at=outcome.deferred_until))
        elif outcome.held_for is not None:
            held = replace(
                one,
                state=OccurrenceState.HELD,
                host=outcome.held_for,
                reason=outcome.reason,
                held_under=outcome.held_under,
            )
            self._state.put(held)
        else:
            self._state.drop(one.id)
