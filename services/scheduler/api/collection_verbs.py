"""What callers may do with job collections, apart from any protocol."""

from asyncio import Lock
from typing import Any

from services.scheduler.api.merge import merge
from services.scheduler.api.patches import canonical
from services.scheduler.api.plan_checks import PlanChecks
from services.scheduler.api.ports import Services
from services.scheduler.api.schemas.collections import CollectionDocument, collection_document, read_collection
from services.scheduler.api.schemas.job_reader import check_name
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.schemas.values import to_builtins
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection, CollectionDefinition, Namespace, Sku
from services.scheduler.errors import NotFoundError
from services.scheduler.store.audit import Actor, Change


class CollectionVerbs:
    """Writes collections; wakes the engine, since a gate may have opened."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._checks = PlanChecks(services)

    async def put(
        self, namespace: Namespace, name: str, document: CollectionDocument, default_sku: Sku, *, by: Actor
    ) -> tuple[Collection, bool]:
        """Create or replace a collection; True when new.

        Raises InvalidInputError for what the document says, ConflictError for what its plan forbids.
        """
        check_name(name)
        async with self._turn(namespace):
            change = Change(by, Act.COLLECTION_REPLACED)
            return await self._write(namespace, name, read_collection(document, default_sku), change)

    async def patch(
        self,
        namespace: Namespace,
        name: str,
        patch: dict[str, Any],
        default_sku: Sku,
        *,
        by: Change,
        strict: bool = True,
    ) -> Collection:
        """Change what `patch` names (RFC 7386), leave the rest. Raises NotFoundError, and what `put` does."""
        async with self._turn(namespace):
            existing = await self._services.store.get_collection(namespace, name)
            merged = merge(to_builtins(collection_document(existing)), canonical(patch))
            document = read(merged, CollectionDocument, strict=strict)
            collection, _ = await self._write(namespace, existing.name, read_collection(document, default_sku), by)
        return collection

    async def delete(self, namespace: Namespace, name: str, *, by: Actor) -> None:
        """Delete a collection with all its jobs and their history. Raises NotFoundError."""
        existing = await self._services.store.get_collection(namespace, name)
        await self._services.store.delete_collection(namespace, name, by=by)
        self._services.engine.forget_collection(existing.id)

    async def _write(
        self, namespace: Namespace, name: str, definition: CollectionDefinition, change: Change
    ) -> tuple[Collection, bool]:
        await self._checks.check(namespace, await self._find(namespace, name), definition)
        now = self._services.clock.now()
        written = await self._services.store.put_collection(namespace, name, definition, now, by=change)
        self._services.policy_written(written[0].id, definition.maintenance)
        self._services.engine.forget_collection(written[0].id)
        self._services.engine.wake()
        return written

    def _turn(self, namespace: Namespace) -> Lock:
        """Plans count the collections of a subscription, and a merge must not undo another's."""
        return self._services.turns.at(namespace.subscription.lower())

    async def _find(self, namespace: Namespace, name: str) -> Collection | None:
        try:
            return await self._services.store.get_collection(namespace, name)
        except NotFoundError:
            return None
