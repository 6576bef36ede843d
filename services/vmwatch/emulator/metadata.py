"""The routes of Azure's metadata service, for each VM below `/vm/{vm}`; without that prefix the first VM asks."""

import asyncio
import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import Final

import msgspec
from aiohttp import web

from services.vmwatch.emulator.faults import Endpoint, Fault, FaultKind
from services.vmwatch.emulator.fleet import Vm
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.wire import (
    EVENT_VERSIONS,
    INSTANCE_VERSIONS,
    render_events,
    render_instance,
    requires_header,
)
from services.vmwatch.imds import EVENTS_PATH, INSTANCE_PATH, StartRequests

_VERSIONS_PATH: Final = "/metadata/versions"
_DECOY_PATH: Final = "/decoy"
_CALM: Final = b'{"DocumentIncarnation":1,"Events":[]}'
_LONGER_THAN_ANYBODY_WAITS: Final = 3600.0
_HUGE_CHUNK: Final = b" " * 65536
_HUGE_CHUNKS: Final = 512
_BODIES: Final = {
    FaultKind.GARBAGE: (b"\x00\x9f\x92\x96not json\xff", "application/json"),
    FaultKind.HTML: (b"<!DOCTYPE html><html><body>Please sign in</body></html>", "text/html"),
    FaultKind.EMPTY: (b"", "application/json"),
    FaultKind.ERROR: (b'{"error":"something went wrong"}', "application/json"),
}


class MetadataRoutes:
    """Answers as the metadata service does, faults and limits included."""

    def __init__(self, stage: Stage) -> None:
        """Serve what is on this stage."""
        self._stage = stage

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, with and without the VM's prefix."""
        found = []
        for prefix in ("", "/vm/{vm}"):
            found += [
                web.get(prefix + EVENTS_PATH, self._get_events, allow_head=False),
                web.post(prefix + EVENTS_PATH, self._post_events),
                web.get(prefix + INSTANCE_PATH, self._get_instance, allow_head=False),
                web.get(prefix + _VERSIONS_PATH, self._get_versions, allow_head=False),
                web.get(prefix + _DECOY_PATH, self._get_decoy, allow_head=False),
            ]
        return found

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        vm = self._caller(request)
        if fault := self._fault(vm, request, Endpoint.EVENTS):
            return await _misbehave(request, fault)
        version = self._admit(vm, request, EVENT_VERSIONS)
        await asyncio.sleep(self._stage.activate(vm).total_seconds())
        incarnation, events = self._stage.read(vm)
        headers = {"ETag": f'"{incarnation}"'} if self._stage.options.etag else {}
        if headers and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        body = msgspec.json.encode(render_events(incarnation, events, version))
        return web.Response(body=body, headers=headers, content_type="application/json")

    async def _post_events(self, request: web.Request) -> web.StreamResponse:
        """Approve. Azure leaves open what an unknown id gets; here it is 400, so that nobody overlooks it."""
        vm = self._caller(request)
        if fault := self._fault(vm, request, Endpoint.EVENTS):
            return await _misbehave(request, fault)
        self._admit(vm, request, EVENT_VERSIONS)
        try:
            wanted = msgspec.json.decode(await request.read(), type=StartRequests)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise _bad_request(f"malformed StartRequests: {problem}") from problem
        if not self._stage.approve(vm, tuple(start.event_id for start in wanted.start_requests)):
            raise _bad_request("StartRequests names an event that does not exist")
        return web.Response(content_type="application/json")

    async def _get_instance(self, request: web.Request) -> web.StreamResponse:
        vm = self._caller(request)
        if fault := self._fault(vm, request, Endpoint.INSTANCE):
            return await _misbehave(request, fault)
        self._admit(vm, request, INSTANCE_VERSIONS)
        body = msgspec.json.encode(render_instance(self._stage.fleet, vm))
        return web.Response(body=body, content_type="application/json")

    async def _get_versions(self, request: web.Request) -> web.Response:
        self._check_headers(request)
        return web.Response(
            body=msgspec.json.encode({"apiVersions": INSTANCE_VERSIONS}), content_type="application/json"
        )

    async def _get_decoy(self, _request: web.Request) -> web.Response:
        """Say "calm" to whoever follows a redirect, which nobody should."""
        return web.Response(body=_CALM, content_type="application/json")

    def _caller(self, request: web.Request) -> Vm:
        name = request.match_info.get("vm")
        vm = self._stage.fleet.find(name) if name else self._stage.fleet.vms[0]
        if vm is None:
            raise web.HTTPNotFound(text=f"no VM {name} in this fleet\n")
        self._stage.requests[f"{vm.name} {request.method} {request.path.rpartition('/')[2]}"] += 1
        return vm

    def _fault(self, vm: Vm, request: web.Request, endpoint: Endpoint) -> Fault | None:
        return self._stage.faults.take(vm.name, request.method, endpoint, self._stage.pace.now())

    def _admit(self, vm: Vm, request: web.Request, versions: tuple[str, ...]) -> str:
        """Return the api-version, or refuse the request as Azure does (reference §1.1, §1.8)."""
        if not self._stage.rate.allows(vm.name, self._stage.pace.now()):
            raise web.HTTPTooManyRequests(text='{"error":"Too many requests"}', content_type="application/json")
        given = request.query.getall("api-version", [])
        if len(given) != 1 or given[0] not in versions:
            raise _bad_request(
                "Bad request. api-version is invalid or was not specified in the request.", versions=versions
            )
        if requires_header(given[0]) or versions is INSTANCE_VERSIONS:
            self._check_headers(request)
        return given[0]

    def _check_headers(self, request: web.Request) -> None:
        if "X-Forwarded-For" in request.headers:
            raise _bad_request("Bad request. X-Forwarded-For is not allowed.")
        if request.headers.get("Metadata", "").lower() != "true":
            raise _bad_request("Bad request. Required metadata header not specified.")


def _bad_request(message: str, *, versions: tuple[str, ...] = ()) -> web.HTTPBadRequest:
    body: dict[str, object] = {"error": message}
    if versions:
        body["newest-versions"] = sorted(versions, reverse=True)[:3]
    return web.HTTPBadRequest(text=msgspec.json.encode(body).decode(), content_type="application/json")


async def _misbehave(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.kind in _BODIES:
        body, content_type = _BODIES[fault.kind]
        return web.Response(body=body, content_type=content_type)
    match fault.kind:
        case FaultKind.TIMEOUT:
            await asyncio.sleep(_LONGER_THAN_ANYBODY_WAITS)
        case FaultKind.RESET:
            _reset(request)
        case FaultKind.TRUNCATED:
            return await _truncate(request)
        case FaultKind.REDIRECT:
            location = request.path.partition("/metadata")[0] + _DECOY_PATH
            raise web.HTTPFound(location)
        case FaultKind.HUGE:
            return await _flood(request)
    return web.Response(status=fault.status, body=b'{"error":"ordered fault"}', content_type="application/json")


def _reset(request: web.Request) -> None:
    """Close the connection with a TCP reset instead of a farewell."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


async def _truncate(request: web.Request) -> web.StreamResponse:
    """Promise the whole calm document and send half of it."""
    response = web.StreamResponse(headers={"Content-Length": str(len(_CALM))})
    await response.prepare(request)
    await response.write(_CALM[: len(_CALM) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _flood(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        for _ in range(_HUGE_CHUNKS):
            await response.write(_HUGE_CHUNK)
        await response.write(_CALM)
        await response.write_eof()
    except ConnectionError:
        # The client had enough, as it should.
        return response
    return response
