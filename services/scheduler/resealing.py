"""After a rotation: brings the secrets of jobs under the present key, a few jobs at a time."""

import asyncio
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from services.scheduler.domain.destinations import place_of
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secret_fields import HeldSecret, with_secrets
from services.scheduler.domain.secrets import KeyId, Secret
from services.scheduler.errors import SecretRefusedError, SecretUnavailableError, StoreUnavailableError
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.vault.keys import KeyRing
from services.scheduler.vault.vault import Vault
from shared.logs import get_logger

log = get_logger(__name__)

BATCH = 100
"""Jobs written in one transaction, so that claims never wait long behind it."""
PATIENCE_SECONDS = 300.0
"""How long jobs that could not be opened are left alone, unless the keys change."""
_NO_KEY = KeyId("")


class Resealing:
    """A duty for `Chores`; replicas may all do it at once, the store lets one of them write each job."""

    def __init__(
        self,
        store: Store,
        ring: KeyRing,
        vault: Vault,
        metrics: Metrics,
        *,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`elapsed` gives seconds that only ever grow."""
        self._store = store
        self._ring = ring
        self._vault = vault
        self._metrics = metrics
        self._elapsed = elapsed
        self._in_vain: tuple[frozenset[KeyId], float] | None = None
        self._failed, self._fault = 0, ""

    async def look(self) -> None:
        """Take in what changed in the keys file, reseal what is under older keys, and count what still is."""
        self._ring.look()
        key = self._ring.sealing()
        try:
            left = await self._store.count_sealed(other_than=key or _NO_KEY)
            if left and key is not None and self._may_try():
                await self._reseal(key)
                left = await self._store.count_sealed(other_than=key)
        except StoreUnavailableError as fault:
            log.warning("resealing waits for the store", error=str(fault))
            return
        self._metrics.secrets_under_old_keys.set(left)

    def _may_try(self) -> bool:
        if self._in_vain is None:
            return True
        keys, since = self._in_vain
        return keys != self._ring.ids or self._elapsed() - since >= PATIENCE_SECONDS

    async def _reseal(self, key: KeyId) -> None:
        """Go once through all jobs that are under other keys; those that cannot be opened stay as they are."""
        done, last, self._failed = 0, None, 0
        while page := await self._store.list_sealed(other_than=key, after=last, limit=BATCH):
            began, last = self._elapsed(), page[-1]
            done += await self._write([job for job in map(self._resealed, page) if job is not None])
            # As long again: at least half of the time the store is everybody else's.
            await asyncio.sleep(self._elapsed() - began)
        self._in_vain = None if done else (self._ring.ids, self._elapsed())
        if done:
            log.info("secrets resealed", jobs=done, key=key)
        if self._failed:
            log.warning("secrets cannot be resealed", jobs=self._failed, error=self._fault)

    async def _write(self, jobs: Sequence[Job]) -> int:
        return len(await self._store.reseal(jobs)) if jobs else 0

    def _resealed(self, job: Job) -> Job | None:
        """Return a job with all its secrets under the present key; None when one cannot be opened."""

        def change(held: HeldSecret) -> Secret:
            place = place_of(job.collection_id, job.name, held.field, held.call)
            return self._vault.reseal(held.secret, place)

        try:
            action = with_secrets(job.definition.action, change)
        except (SecretRefusedError, SecretUnavailableError) as fault:
            self._failed += 1
            self._fault = f"job {job.collection}/{job.name}: {fault}"
            return None
        return replace(job, definition=replace(job.definition, action=action))
