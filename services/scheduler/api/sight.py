"""What one caller sees of the store, the fleet and the feed; lists, the stream and the portal all look through it."""

from aiohttp import web
from msgspec.structs import replace

from services.scheduler.api.callers import caller_of
from services.scheduler.api.schemas.audit import AuditDocument, audit_document
from services.scheduler.api.schemas.fleet import EventDocument, HostDocument, event_document, host_document
from services.scheduler.domain.callers import Caller
from services.scheduler.domain.collections import Collection, CollectionId, Namespace, ResourceGroup
from services.scheduler.domain.hosts import HostReport
from services.scheduler.errors import NotFoundError, StoreUnavailableError
from services.scheduler.feed import Update
from services.scheduler.store.audit import AuditFilter
from services.scheduler.store.base import Store
from services.scheduler.store.records import EventRecord


class Sight:
    """The view of one caller. Confined to some collections, it knows nothing of others: no name, no number.

    Hosts and events concern everybody; how many jobs run there or are held does not, and is left out.
    """

    def __init__(self, caller: Caller, store: Store) -> None:
        self._scopes = caller.scopes
        self._store = store
        self._seen: dict[CollectionId, bool] = {}

    @property
    def is_confined(self) -> bool:
        """Whether there may be more than what is seen."""
        return self._scopes is not None

    async def collections(
        self, subscription: str, resource_group: str | None, *, top: int, skip: int
    ) -> list[Collection]:
        """Return collections by name, as the store's `list_collections` does."""
        return await self._store.list_collections(subscription, resource_group, within=self._scopes, top=top, skip=skip)

    async def within(self) -> list[CollectionId] | None:
        """Return the collections that a search is confined to, as the store's verbs take them; None: all."""
        return sorted(await self._ids()) if self.is_confined else None

    async def group(self, namespace: Namespace) -> ResourceGroup:
        """Return a resource group. Raises NotFoundError.

        Of one that a scope lies in a confined caller learns that it is there, which the scope says, and no more.
        """
        if self._scopes is None:
            return await self._store.get_group(namespace)
        for scope in self._scopes:
            if scope.covers(namespace, scope.collection):
                return ResourceGroup(namespace=scope.namespace)
        raise NotFoundError(f"resource group {namespace.resource_group} does not exist")

    def host(self, report: HostReport) -> HostDocument:
        """Return a host as the caller may see it."""
        document = host_document(report)
        return replace(document, running=None, held=None) if self.is_confined else document

    def event(self, record: EventRecord) -> EventDocument:
        """Return an event as the caller may see it."""
        document = event_document(record)
        if not self.is_confined:
            return document
        hosts = {name: replace(host, running=None, held=None, rerouted=None) for name, host in document.hosts.items()}
        return replace(document, hosts=hosts)

    async def audit(self, wanted: AuditFilter, *, top: int, skip: int) -> list[AuditDocument]:
        """Return entries of the audit log, the latest first; a confined caller's are those of its collections.

        Their numbers count everybody's changes, so that it does not see them.
        """
        entries = await self._store.list_audit(replace(wanted, scopes=self._scopes), top=top, skip=skip)
        documents = [audit_document(entry) for entry in entries]
        return [replace(one, id=None) for one in documents] if self.is_confined else documents

    async def update(self, update: Update) -> Update | None:
        """Return an update as the caller may see it; None: not at all."""
        if not self.is_confined:
            return update
        if update.collection_id is not None:
            return update if await self._sees(update.collection_id) else None
        return None if update.bare is None else replace(update, summary=update.bare)

    async def _sees(self, collection_id: CollectionId) -> bool:
        """Whether a collection is within the scopes; ids are given once, so what was found out stays true."""
        if collection_id not in self._seen:
            try:
                self._seen[collection_id] = collection_id in await self._ids()
            except StoreUnavailableError:
                return False  # an update is no promise; what cannot be judged is not told
        return self._seen[collection_id]

    async def _ids(self) -> set[CollectionId]:
        """Return the ids of all collections within the scopes."""
        scopes = self._scopes or ()
        found = [
            await self._store.list_collections(subscription, None, within=scopes, top=len(scopes), skip=0)
            for subscription in sorted({scope.namespace.subscription for scope in scopes})
        ]
        return {one.id for some in found for one in some}


def sight_of(request: web.Request, store: Store) -> Sight:
    """Return the view of whoever makes a request."""
    return Sight(caller_of(request), store)
