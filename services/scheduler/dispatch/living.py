"""This replica's life as dispatch sees it: renewed in time, in doubt when its guard breaks, told what others change."""

from collections.abc import Sequence

from services.scheduler.dispatch.collection_policies import CollectionPolicies
from services.scheduler.dispatch.engine import Engine
from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.rescue import Rescue
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import JobId
from services.scheduler.duty import Duty
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from shared.logs import get_logger

log = get_logger(__name__)

RETRY_SECONDS = 0.5


class Living:
    """The store's listener (see `Listener`), and the duty that renews the lease: three times within its length."""

    def __init__(
        self, lease: Lease, rescue: Rescue, engine: Engine, policies: CollectionPolicies, metrics: Metrics
    ) -> None:
        self._lease = lease
        self._rescue = rescue
        self._engine = engine
        self._policies = policies
        self._renewal = Duty("lease", self._renew, metrics)

    async def run(self) -> None:
        """Renew the lease until cancelled."""
        await self._renewal.run()

    def shaken(self) -> None:
        """Fire nothing more before the lease is renewed, judge nobody by locks for a while, and look what we have."""
        self._lease.doubt()
        self._rescue.shake()
        self._engine.look_again()
        self._policies.look_soon()
        self._renewal.wake()

    def jobs_changed(self, job_ids: Sequence[JobId]) -> None:
        """Drop what is claimed of them as it was."""
        self._engine.forget(list(job_ids))

    def collection_changed(self, collection_id: CollectionId) -> None:
        """Drop what is claimed of its jobs as they were; its policy may be another one."""
        self._engine.forget_collection(collection_id)
        self._policies.look_soon()

    async def _renew(self) -> float:
        try:
            await self._lease.prove()
        except LeaseLostError:
            self._engine.wake()
        except StoreUnavailableError as fault:
            log.warning("the lease cannot be renewed now", error=str(fault))
            return RETRY_SECONDS
        return self._lease.length.total_seconds() / 3
