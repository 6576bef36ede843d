"""Job collections over HTTP."""

from typing import Any

from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.collection_verbs import CollectionVerbs
from services.scheduler.api.mounts import Mount
from services.scheduler.api.ports import Services
from services.scheduler.api.replies import done, page_reply, reply, written
from services.scheduler.api.requests import read_document, read_page
from services.scheduler.api.rights import named_collection, new_collection
from services.scheduler.api.schemas.collections import CollectionDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import CollectionState
from services.scheduler.store.audit import Change


class CollectionHandlers:
    """Handlers of one mount."""

    def __init__(self, services: Services, mount: Mount) -> None:
        self._store = services.store
        self._clock = services.clock
        self._verbs = CollectionVerbs(services)
        self._mount = mount

    async def list_all(self, request: web.Request) -> web.Response:
        """List collections by name."""
        page, (subscription, group) = read_page(request), self._mount.scope(request)
        sight = sight_of(request, self._store)
        found = await sight.collections(subscription, group, top=page.wanted, skip=page.skip)
        return page_reply(request, page, [self._mount.collection(request, one) for one in found])

    async def get(self, request: web.Request) -> web.Response:
        """Return one collection."""
        found = await self._store.get_collection(*named_collection(request, self._mount))
        return reply(request, self._mount.collection(request, found))

    async def put(self, request: web.Request) -> web.Response:
        """Create or replace a collection."""
        namespace, name = new_collection(request, self._mount)
        body = self._mount.collection_fields(await read_document(request))
        document = read(body, CollectionDocument, strict=self._mount.strict)
        by = actor_of(request, self._clock)
        collection, created = await self._verbs.put(namespace, name, document, self._mount.default_sku, by=by)
        return written(request, self._mount.collection(request, collection), created=created)

    async def patch(self, request: web.Request) -> web.Response:
        """Change what the body names."""
        fields = self._mount.collection_fields(await read_document(request))
        return await self._patch(request, fields, Act.COLLECTION_PATCHED)

    async def enable(self, request: web.Request) -> web.Response:
        """Open the gate before its jobs."""
        return await self._move(request, CollectionState.ENABLED, Act.COLLECTION_ENABLED)

    async def disable(self, request: web.Request) -> web.Response:
        """Close the gate before its jobs."""
        return await self._move(request, CollectionState.DISABLED, Act.COLLECTION_DISABLED)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a collection with its jobs."""
        await self._verbs.delete(*named_collection(request, self._mount), by=actor_of(request, self._clock))
        return done()

    async def _move(self, request: web.Request, state: CollectionState, act: Act) -> web.Response:
        moved = await self._patch(request, {"state": state.value}, act)
        return done() if self._mount.terse else moved

    async def _patch(self, request: web.Request, patch: dict[str, Any], act: Act) -> web.Response:
        collection = await self._verbs.patch(
            *named_collection(request, self._mount),
            patch,
            self._mount.default_sku,
            by=Change(actor_of(request, self._clock), act),
            strict=self._mount.strict,
        )
        return reply(request, self._mount.collection(request, collection))
