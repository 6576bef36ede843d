"""What the forms about collections do: make, change, open, close and delete one."""

from http import HTTPStatus

import msgspec
from aiohttp import web

from services.scheduler.api.actors import actor_of
from services.scheduler.api.callers import caller_of
from services.scheduler.api.collection_verbs import CollectionVerbs
from services.scheduler.api.ports import Services
from services.scheduler.api.requests import read_field
from services.scheduler.api.rights import place_of
from services.scheduler.api.schemas.job_reader import check_name
from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import Collection, CollectionState, Namespace, Sku
from services.scheduler.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from services.scheduler.portal.collections.form import (
    CHOICES,
    Fields,
    document_of,
    empty_fields,
    sent_fields,
    stored_fields,
)
from services.scheduler.portal.collections.pages import CollectionRow, collection_row
from services.scheduler.portal.frame import Content, Section, lead_to, root_of
from services.scheduler.portal.notices import Notice
from services.scheduler.portal.places import named_collection
from services.scheduler.store.audit import Change

_CHANGED = "somebody has changed the collection meanwhile; look at it, then change it again"


class FormView(msgspec.Struct, frozen=True, kw_only=True):
    """The form; `seen` names what is stored as it was seen, empty for a new collection.

    `fault` is what is wrong, or empty.
    """

    fields: Fields
    choices: dict[str, tuple[str, ...]]
    seen: str
    fault: str


class Farewell(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with a collection that is about to be deleted; `typed` and `fault` are of a try that was refused."""

    row: CollectionRow
    typed: str
    fault: str


class CollectionActions:
    """Handlers of the forms; their routes take the right to change."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._verbs = CollectionVerbs(services)

    async def new(self, request: web.Request) -> Content:
        """Return the empty form."""
        return _form(empty_fields(self._services.resource_group))

    async def edit(self, request: web.Request) -> Content:
        """Return the form as a collection fills it. Raises NotFoundError."""
        collection = await named_collection(self._services, request)
        return _form(stored_fields(collection), seen=_seen(collection))

    async def create(self, request: web.Request) -> Content | web.Response:
        """Make a collection, or show the form with what is wrong. Raises ForbiddenError for one out of scope."""
        fields, caller = await sent_fields(request), caller_of(request)
        fields["group"] = fields["group"] or self._services.resource_group
        try:
            check_name(fields["name"])
            check_name(fields["group"], "group")
        except InvalidInputError as fault:
            return _form(fields, fault=str(fault), status=HTTPStatus.BAD_REQUEST)
        namespace, name = Namespace(self._services.subscription, fields["group"]), fields["name"]
        if not caller.may_see(namespace, name):
            raise ForbiddenError(f"{caller.name} has no right to a collection {name} in {namespace.resource_group}")
        if await self._find(request, namespace, name) is not None:
            taken = f"there is a collection {name} already; edit that one, or choose another name"
            return _form(fields, fault=taken, status=HTTPStatus.CONFLICT)
        return await self._write(request, namespace, fields)

    async def change(self, request: web.Request) -> Content | web.Response:
        """Replace what a collection is by what the form says, or show it with what is wrong. Raises NotFoundError."""
        collection, fields = await named_collection(self._services, request), await sent_fields(request)
        fields |= {"name": collection.name, "group": collection.namespace.resource_group}
        seen = await read_field(request, "seen") or ""
        if seen != _seen(collection):
            return _form(fields, seen=_seen(collection), fault=_CHANGED, status=HTTPStatus.CONFLICT)
        return await self._write(request, collection.namespace, fields, seen=seen)

    async def enable(self, request: web.Request) -> web.Response:
        """Open the gate before a collection's jobs. Raises NotFoundError."""
        return await self._move(request, CollectionState.ENABLED, Act.COLLECTION_ENABLED, Notice.COLLECTION_ENABLED)

    async def disable(self, request: web.Request) -> web.Response:
        """Close the gate before a collection's jobs. Raises NotFoundError."""
        return await self._move(request, CollectionState.DISABLED, Act.COLLECTION_DISABLED, Notice.COLLECTION_DISABLED)

    async def ask(self, request: web.Request) -> Content:
        """Return the page that says what a deletion takes along. Raises NotFoundError."""
        return await self._farewell(await named_collection(self._services, request))

    async def delete(self, request: web.Request) -> Content | web.Response:
        """Delete a collection with its jobs; where it has any, its name must have been typed. Raises NotFoundError."""
        collection = await named_collection(self._services, request)
        typed = (await read_field(request, "name") or "").strip()
        if typed != collection.name and await self._services.store.count_jobs(collection.id, at_most=1):
            fault = f"type {collection.name} to delete it with its jobs"
            return await self._farewell(collection, typed=typed, fault=fault)
        by = actor_of(request, self._services.clock)
        await self._verbs.delete(collection.namespace, collection.name, by=by)
        return lead_to(f"{root_of(request)}portal/collections?notice={Notice.COLLECTION_DELETED}")

    async def _write(
        self, request: web.Request, namespace: Namespace, fields: Fields, *, seen: str = ""
    ) -> Content | web.Response:
        by, name = actor_of(request, self._services.clock), fields["name"]
        try:
            await self._verbs.put(namespace, name, document_of(fields), Sku.UNLIMITED, by=by)
        except InvalidInputError as fault:
            return _form(fields, seen=seen, fault=str(fault), status=HTTPStatus.BAD_REQUEST)
        except ConflictError as fault:
            return _form(fields, seen=seen, fault=str(fault), status=HTTPStatus.CONFLICT)
        return lead_to(_page(request, namespace.resource_group, name, Notice.COLLECTION_WRITTEN))

    async def _move(self, request: web.Request, state: CollectionState, act: Act, said: Notice) -> web.Response:
        collection = await named_collection(self._services, request)
        by = Change(actor_of(request, self._services.clock), act)
        await self._verbs.patch(
            collection.namespace, collection.name, {"state": state.value}, collection.definition.sku, by=by
        )
        return lead_to(_page(request, collection.namespace.resource_group, collection.name, said))

    async def _find(self, request: web.Request, namespace: Namespace, name: str) -> Collection | None:
        try:
            return await self._services.store.get_collection(place_of(caller_of(request), namespace, name), name)
        except NotFoundError:
            return None

    async def _farewell(self, collection: Collection, *, typed: str = "", fault: str = "") -> Content:
        counts = await self._services.store.count_states(collection.id)
        row = collection_row(self._services, collection, sum(counts.values()))
        return Content(
            title=f"Delete {collection.name}?",
            section=Section.COLLECTIONS,
            template="collection_delete.html",
            view=Farewell(row=row, typed=typed, fault=fault),
            live=False,
            status=HTTPStatus.BAD_REQUEST if fault else HTTPStatus.OK,
        )


def _form(fields: Fields, *, seen: str = "", fault: str = "", status: HTTPStatus = HTTPStatus.OK) -> Content:
    return Content(
        title=f"Edit {fields['name']}" if seen else "New collection",
        section=Section.COLLECTIONS,
        template="collection_form.html",
        view=FormView(fields=fields, choices=CHOICES, seen=seen, fault=fault),
        live=False,
        status=status,
    )


def _seen(collection: Collection) -> str:
    return collection.updated_at.isoformat()


def _page(request: web.Request, group: str, name: str, said: Notice) -> str:
    place = request.rel_url.with_path(f"/portal/collections/{group}/{name}").with_query({"notice": said.value})
    return f"{root_of(request)}{place.raw_path_qs.removeprefix('/')}"
