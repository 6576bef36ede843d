"""Puts the API together: the short mount `/api/v1`, the stream, the description of it all."""

from datetime import timedelta
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web

from services.scheduler.api.arm.gateway import gateway
from services.scheduler.api.arm.routes import arm_endpoints
from services.scheduler.api.audit_handlers import AuditHandlers
from services.scheduler.api.authentication import PORTER, Porter, authentication, keep_private
from services.scheduler.api.batch_handlers import BatchAnswerDocument, BatchDocument, BatchHandlers, DeletedDocument
from services.scheduler.api.collection_handlers import CollectionHandlers
from services.scheduler.api.endpoints import PAGING, Endpoint
from services.scheduler.api.fleet_handlers import FleetHandlers
from services.scheduler.api.job_handlers import JobHandlers
from services.scheduler.api.mounts import Mount, ShortMount
from services.scheduler.api.openapi import describe
from services.scheduler.api.ports import Services
from services.scheduler.api.problems import mark, middleware, refuse_nul
from services.scheduler.api.rates import throttling
from services.scheduler.api.rehearsal_handlers import RehearsalHandlers
from services.scheduler.api.replies import reply
from services.scheduler.api.rights import Right
from services.scheduler.api.schemas.audit import AuditDocument
from services.scheduler.api.schemas.collections import CollectionDocument
from services.scheduler.api.schemas.decisions import DecisionDocument
from services.scheduler.api.schemas.fleet import (
    CordonDocument,
    EmptyDocument,
    EventDocument,
    EventStatisticsDocument,
    HostDocument,
)
from services.scheduler.api.schemas.history import HistoryDocument, OccurrenceDocument, RunDocument
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.rehearsals import ForesightDocument, RehearsalDocument
from services.scheduler.api.stream import HEARTBEAT, Stream, UpdateDocument

_BASE = "/api/v1"


def build(services: Services, *, heartbeat: timedelta = HEARTBEAT) -> web.Application:
    """Return the application with every route of the API; the caller may add its own before it runs."""
    stream = Stream(services.feed, services.store, heartbeat)
    porter = Porter(services)
    app = web.Application(
        middlewares=[
            middleware(services.new_id),
            gateway(services),
            authentication(porter),
            throttling(services),
            refuse_nul,
        ]
    )
    app[PORTER] = porter
    app.on_response_prepare.append(mark)
    app.on_response_prepare.append(keep_private)
    app.on_shutdown.append(stream.close)
    endpoints = [
        *_short(services),
        *_fleet(services),
        *_rehearsals(services),
        _audit(services),
        _stream(stream),
        *arm_endpoints(services),
    ]
    for endpoint in endpoints:
        app.router.add_route(endpoint.method, endpoint.pattern or endpoint.path, endpoint.guarded)
    description = describe(endpoints, _version(), asks_who=not services.access.is_open)

    async def openapi(request: web.Request) -> web.Response:
        return reply(request, description)

    app.router.add_get("/openapi.json", openapi)
    return app


def _short(services: Services) -> list[Endpoint]:
    mount = ShortMount(services)
    collections = f"{_BASE}/collections"
    one = f"{collections}/{{collection}}"
    return [
        *_collections(services, mount, collections, one),
        *_jobs(services, mount, one),
        *_job_verbs(services, mount, f"{one}/jobs/{{job}}"),
    ]


def _collections(services: Services, mount: Mount, base: str, one: str) -> list[Endpoint]:
    handlers, kind, tag = CollectionHandlers(services, mount), CollectionDocument, "collections"
    return [
        Endpoint(method="GET", path=base, handler=handlers.list_all, tag=tag, answer=kind, listed=True, query=PAGING),
        Endpoint(method="GET", path=one, handler=handlers.get, tag=tag, answer=kind),
        Endpoint(method="PUT", path=one, handler=handlers.put, tag=tag, body=kind, answer=kind, creates=True),
        Endpoint(method="PATCH", path=one, handler=handlers.patch, tag=tag, body=kind, answer=kind),
        Endpoint(method="DELETE", path=one, handler=handlers.delete, tag=tag),
        Endpoint(method="POST", path=f"{one}/enable", handler=handlers.enable, tag=tag, answer=kind),
        Endpoint(method="POST", path=f"{one}/disable", handler=handlers.disable, tag=tag, answer=kind),
    ]


def _jobs(services: Services, mount: Mount, collection: str) -> list[Endpoint]:
    handlers, kind, tag = JobHandlers(services, mount), JobDocument, "jobs"
    batches = BatchHandlers(services, mount)
    every, one = f"{collection}/jobs", f"{collection}/jobs/{{job}}"
    filtered = (*PAGING, "$filter")
    return [
        Endpoint(
            method="GET", path=every, handler=handlers.list_all, tag=tag, answer=kind, listed=True, query=filtered
        ),
        Endpoint(method="GET", path=one, handler=handlers.get, tag=tag, answer=kind),
        Endpoint(method="PUT", path=one, handler=handlers.put, tag=tag, body=kind, answer=kind, creates=True),
        Endpoint(method="PATCH", path=one, handler=handlers.patch, tag=tag, body=kind, answer=kind),
        Endpoint(method="DELETE", path=one, handler=handlers.delete, tag=tag),
        Endpoint(
            method="POST",
            path=f"{every}:batch",
            handler=batches.put,
            tag="batches",
            body=BatchDocument,
            answer=BatchAnswerDocument,
            listed=True,
        ),
        Endpoint(
            method="DELETE",
            path=f"{every}:batch",
            handler=batches.delete,
            tag="batches",
            answer=DeletedDocument,
            query=("$filter",),
        ),
    ]


def _job_verbs(services: Services, mount: Mount, one: str) -> list[Endpoint]:
    handlers, kind, tag = JobHandlers(services, mount), JobDocument, "jobs"
    history, occurrences = f"{one}/history", f"{one}/occurrences"
    return [
        Endpoint(method="POST", path=f"{one}/run", handler=handlers.run, tag=tag, answer=RunDocument),
        Endpoint(method="POST", path=f"{one}/enable", handler=handlers.enable, tag=tag, answer=kind),
        Endpoint(method="POST", path=f"{one}/disable", handler=handlers.disable, tag=tag, answer=kind),
        Endpoint(
            method="GET",
            path=history,
            handler=handlers.history,
            tag=tag,
            answer=HistoryDocument,
            listed=True,
            query=(*PAGING, "$filter"),
        ),
        Endpoint(
            method="GET",
            path=f"{one}/decisions",
            handler=handlers.decisions,
            tag=tag,
            answer=DecisionDocument,
            listed=True,
            query=(*PAGING, "$filter"),
        ),
        Endpoint(
            method="GET",
            path=occurrences,
            handler=handlers.preview,
            tag=tag,
            answer=OccurrenceDocument,
            listed=True,
            query=("count",),
        ),
        Endpoint(
            method="POST",
            path=occurrences,
            handler=handlers.preview_posted,
            needs=Right.LOOK,
            tag=tag,
            body=kind,
            answer=OccurrenceDocument,
            listed=True,
            query=("count",),
        ),
    ]


def _fleet(services: Services) -> list[Endpoint]:
    handlers = FleetHandlers(services)
    hosts, events = f"{_BASE}/hosts", f"{_BASE}/events"
    host = f"{hosts}/{{host}}"
    kind = HostDocument
    return [
        Endpoint(method="GET", path=hosts, handler=handlers.hosts, tag="hosts", answer=kind, listed=True, query=PAGING),
        Endpoint(method="GET", path=host, handler=handlers.host, tag="hosts", answer=kind),
        Endpoint(
            method="POST",
            path=f"{host}/cordon",
            handler=handlers.cordon,
            needs=Right.STEER,
            tag="hosts",
            body=CordonDocument,
            answer=kind,
        ),
        Endpoint(
            method="POST",
            path=f"{host}/release",
            handler=handlers.release,
            needs=Right.STEER,
            tag="hosts",
            body=EmptyDocument,
            answer=kind,
        ),
        Endpoint(
            method="GET",
            path=events,
            handler=handlers.events,
            tag="events",
            answer=EventDocument,
            listed=True,
            query=(*PAGING, "$filter"),
        ),
        Endpoint(
            method="GET",
            path=f"{events}/stats",
            handler=handlers.statistics,
            tag="events",
            answer=EventStatisticsDocument,
            listed=True,
            query=("$filter",),
        ),
        Endpoint(method="GET", path=f"{events}/{{event}}", handler=handlers.event, tag="events", answer=EventDocument),
    ]


def _rehearsals(services: Services) -> list[Endpoint]:
    handlers, tag, kind = RehearsalHandlers(services), "rehearsals", EventDocument
    every, body, steer = f"{_BASE}/rehearsals", RehearsalDocument, Right.STEER
    one = f"{every}/{{event}}"
    return [
        Endpoint(method="GET", path=every, handler=handlers.list_all, tag=tag, answer=kind, listed=True, query=PAGING),
        Endpoint(
            method="POST",
            path=every,
            handler=handlers.announce,
            needs=steer,
            tag=tag,
            body=body,
            answer=kind,
            status=HTTPStatus.CREATED,
        ),
        Endpoint(
            method="POST",
            path=f"{every}/foresight",
            handler=handlers.foresee,
            needs=steer,
            tag=tag,
            body=body,
            answer=ForesightDocument,
        ),
        Endpoint(method="DELETE", path=one, handler=handlers.cancel, needs=steer, tag=tag, answer=kind),
    ]


def _audit(services: Services) -> Endpoint:
    return Endpoint(
        method="GET",
        path=f"{_BASE}/audit",
        handler=AuditHandlers(services).list_all,
        tag="audit",
        answer=AuditDocument,
        listed=True,
        query=(*PAGING, "$filter"),
    )


def _stream(stream: Stream) -> Endpoint:
    return Endpoint(
        method="GET",
        path=f"{_BASE}/stream",
        handler=stream.follow,
        tag="stream",
        answer=UpdateDocument,
        media_type="text/event-stream",
    )


def _version() -> str:
    try:
        return version("leeward")
    except PackageNotFoundError:
        return "0"
