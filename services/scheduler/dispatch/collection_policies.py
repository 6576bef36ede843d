"""What collections decide about maintenance, in memory: each start and each hold asks for it."""

import time
from collections.abc import Callable

from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.policies import NO_MAINTENANCE, Maintenance
from services.scheduler.duty import Duty
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store

REFRESH_SECONDS = 5.0
"""How long a change may stay unknown whose announcement was lost."""
_PATIENCE = 100
"""Thousands of policies take a while to read: a hundredth of the time is enough for what is hardly ever news."""


class CollectionPolicies:
    """The policies of the collections that have one, as the store had them a moment ago.

    A write through this replica counts from its answer on; one elsewhere as soon as it is announced and read.
    """

    def __init__(self, store: Store, metrics: Metrics, changed: Callable[[], None]) -> None:
        """`changed` is told that other policies apply from now on."""
        self._store = store
        self._changed = changed
        self._policies: dict[CollectionId, Maintenance] = {}
        self._written: dict[CollectionId, Maintenance] = {}
        self._duty = Duty("policies", self._refresh, metrics)

    def of(self, collection_id: CollectionId) -> Maintenance:
        """Return a collection's policy."""
        return self._policies.get(collection_id, NO_MAINTENANCE)

    def note(self, collection_id: CollectionId, policy: Maintenance) -> None:
        """A collection has been written here, with this policy."""
        self._written[collection_id] = policy
        self._apply({**self._policies, collection_id: policy})

    def look_soon(self) -> None:
        """Another replica may have changed something."""
        self._duty.wake()

    async def load(self) -> None:
        """Read them all. Raises StoreUnavailableError."""
        self._written.clear()
        found = await self._store.list_policies()
        # What was written here meanwhile may be later than what was read.
        self._apply(found | self._written)

    async def run(self) -> None:
        """Follow other replicas until cancelled."""
        await self._duty.run()

    async def _refresh(self) -> float:
        began = time.monotonic()
        await self.load()
        return max(REFRESH_SECONDS, (time.monotonic() - began) * _PATIENCE)

    def _apply(self, policies: dict[CollectionId, Maintenance]) -> None:
        policies = {number: policy for number, policy in policies.items() if policy != NO_MAINTENANCE}
        if policies != self._policies:
            self._policies = policies
            self._changed()
