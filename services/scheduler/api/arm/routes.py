"""The table of this mount's routes (reference azure-scheduler §1.1)."""

from collections.abc import Callable
from http import HTTPStatus

from aiohttp.typedefs import Handler

from services.scheduler.api.arm.addresses import (
    GROUP,
    GROUP_COLLECTIONS,
    PROVIDER,
    SUBSCRIPTION,
    SUBSCRIPTION_COLLECTIONS,
    any_case,
)
from services.scheduler.api.arm.envelopes import ArmCollection, ArmHistory, ArmJob
from services.scheduler.api.arm.groups import GroupDocument, Groups
from services.scheduler.api.arm.mount import ArmMount
from services.scheduler.api.arm.provider import Provider, ProviderDocument
from services.scheduler.api.arm.versions import dated, versioned
from services.scheduler.api.collection_handlers import CollectionHandlers
from services.scheduler.api.endpoints import PAGING, Endpoint
from services.scheduler.api.job_handlers import JobHandlers
from services.scheduler.api.ports import Services
from services.scheduler.api.rights import Right
from services.scheduler.api.schemas.values import Document

ARM = "arm"
_VERSION = "api-version"
_LISTED = (_VERSION, *PAGING)
_FILTERED = (_VERSION, *PAGING, "$filter")


def arm_endpoints(services: Services) -> list[Endpoint]:
    """Return every route of the mount."""
    mount = ArmMount()
    one = f"{GROUP_COLLECTIONS}/{{collection}}"
    return [
        *_collections(CollectionHandlers(services, mount), one),
        *_jobs(JobHandlers(services, mount), f"{one}/jobs"),
        *_provider(Provider(mount)),
        *_groups(Groups(services, mount)),
    ]


def _collections(handlers: CollectionHandlers, one: str) -> list[Endpoint]:
    kind = ArmCollection
    return [
        _route("GET", SUBSCRIPTION_COLLECTIONS, handlers.list_all, "by_subscription", answer=kind, query=_LISTED),
        _route("GET", GROUP_COLLECTIONS, handlers.list_all, "by_resource_group", answer=kind, query=_LISTED),
        _route("GET", one, handlers.get, "collection", answer=kind),
        _route("PUT", one, handlers.put, "collection", body=kind, answer=kind, creates=True),
        _route("PATCH", one, handlers.patch, "collection", body=kind, answer=kind),
        _route("DELETE", one, handlers.delete, "collection"),
        _route("POST", f"{one}/enable", handlers.enable, "collection"),
        _route("POST", f"{one}/disable", handlers.disable, "collection"),
    ]


def _jobs(handlers: JobHandlers, every: str) -> list[Endpoint]:
    kind, one = ArmJob, f"{every}/{{job}}"
    return [
        _route("GET", every, handlers.list_all, "jobs", answer=kind, query=_FILTERED),
        _route("GET", one, handlers.get, "job", answer=kind),
        _route("PUT", one, handlers.put, "job", body=kind, answer=kind, creates=True),
        _route("PATCH", one, handlers.patch, "job", body=kind, answer=kind),
        _route("DELETE", one, handlers.delete, "job"),
        _route("POST", f"{one}/run", handlers.run, "job"),
        _route("GET", f"{one}/history", handlers.history, "job", answer=ArmHistory, query=_FILTERED),
    ]


def _provider(provider: Provider) -> list[Endpoint]:
    path, kind = f"{SUBSCRIPTION}/providers/{PROVIDER}", ProviderDocument
    return [
        _route("GET", path, provider.get, "provider", answer=kind, check=dated),
        _route("POST", f"{path}/register", provider.register, "provider", answer=kind, check=dated, needs=Right.LOOK),
    ]


def _groups(groups: Groups) -> list[Endpoint]:
    kind = GroupDocument
    return [
        _route("PUT", GROUP, groups.put, "group", body=kind, answer=kind, creates=True, check=dated, needs=Right.STEER),
        _route("GET", GROUP, groups.get, "group", answer=kind, check=dated),
        _route("HEAD", GROUP, groups.head, "group", status=HTTPStatus.NO_CONTENT, check=dated),
        _route("DELETE", GROUP, groups.delete, "group", check=dated, needs=Right.STEER),
    ]


def _route(
    method: str,
    path: str,
    handler: Handler,
    about: str,
    *,
    body: type[Document] | None = None,
    answer: type[Document] | None = None,
    creates: bool = False,
    query: tuple[str, ...] = (_VERSION,),
    status: int = HTTPStatus.OK,
    check: Callable[[Handler], Handler] = versioned,
    needs: Right | None = None,
) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        pattern=any_case(path),
        handler=check(handler),
        tag=ARM,
        about=about,
        body=body,
        answer=answer,
        listed=len(query) > 1,
        creates=creates,
        query=query,
        status=status,
        needs=needs,
    )
