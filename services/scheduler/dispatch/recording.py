"""Writes outcomes in batches, so that none is lost and none that the store cannot take holds up the others."""

from collections.abc import Callable, Iterable

import msgspec

from services.scheduler.dispatch.claims import Claims
from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.outcomes import Outcomes
from services.scheduler.domain.jobs import JobId
from services.scheduler.errors import LeaseLostError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.records import (
    Outcome,
)
from shared.logs import Details, get_logger

log = get_logger(__name__)
details = Details(__name__)

UNSTORABLE = "the store could not take the message"


class Recording:
    """From the outcomes that wait to the store; `write` is for one task at a time."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        claims: Claims,
        outcomes: Outcomes,
        metrics: Metrics,
        *,
        batch: int,
        wrote: Callable[[Iterable[JobId]], None],
    ) -> None:
        self._store = store
        self._lease = lease
        self._claims = claims
        self._outcomes = outcomes
        self._metrics = metrics
        self._batch = batch
        self._wrote = wrote

    async def write(self) -> None:
        """Write every outcome that waits. Raises StoreUnavailableError or LeaseLostError with all of them kept.

        What comes meanwhile is left for the next time: under load that never ends, and batches of a few cost the most.
        """
        for _ in range(0, len(self._outcomes), self._batch):
            await self.write_some()

    async def write_some(self) -> None:
        """Write a batch of what waits longest. Raises as `write` does."""
        batch = self._outcomes.take(self._batch)
        try:
            if batch:
                await self._settle(batch)
        except BaseException:  # a cancelled task, too, leaves them to whoever writes next
            self._outcomes.give_back(batch)
            raise

    async def _settle(self, batch: list[Outcome]) -> None:
        """Write a batch; in one that the store chokes on, find the outcome it is."""
        try:
            refused = await self._store.settle(self._lease.owner, batch)
        except (StoreUnavailableError, LeaseLostError):
            raise
        except Exception as fault:  # the rim: whatever one outcome contains, the others must be written
            log.exception("outcomes cannot be stored as they are", count=len(batch))
            await self._settle_apart(batch, fault)
        else:
            self._note(batch, len(refused))

    async def _settle_apart(self, batch: list[Outcome], fault: Exception) -> None:
        """Write halves of a batch; what is left alone and fails goes without its texts, or stays claimed."""
        half = len(batch) // 2
        if half:
            await self._settle(batch[:half])
            await self._settle(batch[half:])
        elif (plain := _plain(batch[0])) != batch[0]:
            await self._settle([plain])
        else:
            log.error("an outcome cannot be stored", occurrence=batch[0].occurrence_id, error=repr(fault))
            self._metrics.refused_outcomes.inc()

    def _note(self, batch: list[Outcome], refused: int) -> None:
        if details.wanted:
            for outcome in batch:
                _tell(outcome)
        self._claims.written(outcome.occurrence_id for outcome in batch)
        self._wrote(outcome.job_id for outcome in batch for _ in outcome.rows)
        self._metrics.outcomes_written.inc(len(batch) - refused)
        if refused:
            self._metrics.refused_outcomes.inc(refused)
            log.info("outcomes refused: the claims are no longer ours", count=refused)


def _tell(outcome: Outcome) -> None:
    details(
        "outcome written",
        occurrence=outcome.occurrence_id,
        statuses=[row.status.value for row in outcome.rows],
        again_at=outcome.following.fire_at if outcome.following else outcome.deferred_until,
        held_for=outcome.held_for,
        reason=outcome.reason,
    )


def _plain(outcome: Outcome) -> Outcome:
    """Return an outcome without the texts that came from outside."""
    rows = tuple(msgspec.structs.replace(row, message=UNSTORABLE, reason="") for row in outcome.rows)
    return msgspec.structs.replace(outcome, rows=rows, reason="")
