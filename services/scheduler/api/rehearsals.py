"""What a rehearsal would do, and doing it; the API and the portal both ask here."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.job_writer import state_shown
from services.scheduler.api.schemas.rehearsals import ForesightDocument, PoolForesightDocument
from services.scheduler.domain.hosts import FleetView, HostView
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.domain.policies import Strategy, Traits
from services.scheduler.domain.rehearsals import PREFIX, SOURCE, RehearsalPlan
from services.scheduler.store.audit import Actor
from services.scheduler.store.records import EventRecord
from services.scheduler.store.search import JobQuery
from shared.topics import host_key

LOOKED_AT = 1000
"""Jobs whose policies are looked at; whoever names hosts of more learns that there are more."""


class Rehearsals:
    """Announces rehearsals, calls them off, and tells beforehand what one would do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def announce(self, plan: RehearsalPlan, *, by: Actor) -> EventRecord:
        """Announce one under a new id. Raises NotFoundError for a host that is gone, ConflictError for one too many."""
        event_id = f"{PREFIX}{self._services.new_id()}".upper()
        return await self._services.hosts.rehearse(plan, event_id, by=by)

    async def cancel(self, event_id: str, *, by: Actor) -> EventRecord:
        """Call one off. Raises NotFoundError, and ConflictError when it is over."""
        return await self._services.hosts.cancel_rehearsal(event_id, by=by)

    async def foresee(self, plan: RehearsalPlan) -> ForesightDocument:
        """Return what a rehearsal would do to jobs and pools, as things stand."""
        fleet, store = self._services.hosts.views, self._services.store
        hit = [fleet[host_key(name)] for name in plan.hosts]
        left = {
            pool: len(list(_left(fleet, pool, hit))) for pool in sorted({pool for one in hit for pool in one.pools})
        }
        jobs = await store.jobs_at(sorted(set(_names(hit))), limit=LOOKED_AT + 1)
        fates = Counter(self._fate(job, plan, left) for job in jobs[:LOOKED_AT] if _is_on(job))
        pools = [await self._pool(fleet, pool, left[pool]) for pool in left]
        return ForesightDocument(
            hosts=list(plan.hosts),
            jobs=fates.total(),
            rerouted=fates[Strategy.REROUTE],
            held=fates[Strategy.HOLD],
            ignoring=fates[Strategy.IGNORE],
            uncounted=len(jobs) > LOOKED_AT,
            pools=pools,
        )

    async def _pool(self, fleet: FleetView, pool: str, left: int) -> PoolForesightDocument:
        query = JobQuery(subscription=self._services.subscription, pool=pool, state=JobState.ENABLED)
        found = await self._services.store.count_found(query, at_most=LOOKED_AT + 1)
        return PoolForesightDocument(
            pool=pool,
            hosts=len(fleet.members(pool)),
            left=left,
            jobs=min(found, LOOKED_AT),
            uncounted=found > LOOKED_AT,
        )

    def _fate(self, job: Job, plan: RehearsalPlan, left: dict[str, int]) -> Strategy:
        """Return what would happen to a job; one whose pool has nobody left waits, whatever it prefers."""
        traits = Traits(plan.type, SOURCE, int(plan.duration.total_seconds()))
        strategy = self._services.rules.policies(job).under(traits).strategy
        placement = job.definition.placement
        pool = placement.pool if placement is not None else None
        has_refuge = pool is not None and left.get(pool, 1) > 0
        return Strategy.HOLD if strategy is Strategy.REROUTE and not has_refuge else strategy


def _is_on(job: Job) -> bool:
    return state_shown(job) is JobState.ENABLED


def _left(fleet: FleetView, pool: str, hit: Sequence[HostView]) -> Iterator[HostView]:
    """Yield the hosts of a pool that would still take jobs."""
    named = {host.key for host in hit}
    return (host for host in fleet.members(pool) if host.key not in named and not host.threats and host.loss is None)


def _names(hosts: Iterable[HostView]) -> Iterator[str]:
    """Yield what jobs may call the hosts by."""
    for host in hosts:
        yield from filter(None, (host.key, host.computer_name.lower(), *host.addresses))
