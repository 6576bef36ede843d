"""Resource groups over HTTP, as far as tools need them around job collections."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.arm.addresses import group_id
from services.scheduler.api.arm.errors import GroupNotFoundError
from services.scheduler.api.arm.locations import plain
from services.scheduler.api.arm.mount import ArmMount
from services.scheduler.api.ports import Services
from services.scheduler.api.replies import done, reply, written
from services.scheduler.api.requests import read_document
from services.scheduler.api.schemas.collections import MAX_LOCATION
from services.scheduler.api.schemas.job_reader import read_tags
from services.scheduler.api.schemas.strict import read, spelled
from services.scheduler.api.schemas.values import READ_ONLY, Document
from services.scheduler.api.sight import sight_of
from services.scheduler.domain.collections import Namespace, ResourceGroup
from services.scheduler.errors import InvalidInputError, NotFoundError


class GroupStateDocument(Document, frozen=True, kw_only=True):
    """`properties` of a resource group."""

    provisioning_state: str


class GroupDocument(Document, frozen=True, kw_only=True):
    """A resource group."""

    id: Annotated[str | None, READ_ONLY] = None
    name: Annotated[str | None, READ_ONLY] = None
    location: str | None = None
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    properties: Annotated[GroupStateDocument | None, READ_ONLY] = None


class Groups:
    """Handlers of resource groups."""

    def __init__(self, services: Services, mount: ArmMount) -> None:
        self._store = services.store
        self._clock = services.clock
        self._engine = services.engine
        self._mount = mount

    async def put(self, request: web.Request) -> web.Response:
        """Create or replace a resource group; collections need none, but tools make one first."""
        body = spelled(await read_document(request), GroupDocument)
        document = read(body, GroupDocument, strict=False)
        location = plain(document.location or "")
        if len(location) > MAX_LOCATION:
            raise InvalidInputError("location", f"has {len(location)} characters; at most {MAX_LOCATION} are allowed")
        namespace = self._mount.namespace(request)
        group = ResourceGroup(namespace=namespace, location=location, tags=read_tags(document.tags))
        created = await self._store.put_group(group, by=actor_of(request, self._clock))
        return written(request, _document(await self._find(request)), created=created)

    async def get(self, request: web.Request) -> web.Response:
        """Return a resource group: one that was made, or one that a collection is in."""
        return reply(request, _document(await self._find(request)))

    async def head(self, request: web.Request) -> web.Response:
        """Tell whether a resource group exists: 204 or 404."""
        await self._find(request)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a resource group with its collections and their jobs."""
        namespace = self._mount.namespace(request)
        try:
            deleted = await self._store.delete_group(namespace, by=actor_of(request, self._clock))
        except NotFoundError as fault:
            raise _missing(namespace) from fault
        for collection_id in deleted:
            self._engine.forget_collection(collection_id)
        return done()

    async def _find(self, request: web.Request) -> ResourceGroup:
        namespace = self._mount.namespace(request)
        try:
            return await sight_of(request, self._store).group(namespace)
        except NotFoundError as fault:
            raise _missing(namespace) from fault


def _missing(namespace: Namespace) -> GroupNotFoundError:
    return GroupNotFoundError(f"Resource group '{namespace.resource_group}' could not be found.")


def _document(group: ResourceGroup) -> GroupDocument:
    return GroupDocument(
        id=group_id(group.namespace),
        name=group.namespace.resource_group,
        location=group.location,
        tags=group.tags,
        properties=GroupStateDocument(provisioning_state="Succeeded"),
    )
