"""The routes of Azure's metadata service, for each VM below `/vm/{vm}`; without that prefix the first VM asks."""

from typing import Final

import msgspec
from aiohttp import web

from services.vmwatch.documents import UNDERSCORE_VERSION
from services.vmwatch.emulator import unverified
from services.vmwatch.emulator.admission import admit, check_headers, refusal
from services.vmwatch.emulator.faults import Endpoint, FaultKind
from services.vmwatch.emulator.fleet import Vm
from services.vmwatch.emulator.instance_document import INSTANCE_VERSIONS, render_instance
from services.vmwatch.emulator.leaves import answer_part
from services.vmwatch.emulator.misbehaviour import CALM, DECOY_PATH, misbehave
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.wire import EVENT_VERSIONS, render_events
from services.vmwatch.imds import EVENTS_PATH, INSTANCE_PATH, StartRequests

_VERSIONS_PATH: Final = "/metadata/versions"


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
                web.get(prefix + INSTANCE_PATH + "/{part:.*}", self._get_instance, allow_head=False),
                web.get(prefix + _VERSIONS_PATH, self._get_versions, allow_head=False),
                web.get(prefix + DECOY_PATH, self._get_decoy, allow_head=False),
            ]
        return found

    async def _get_events(self, request: web.Request) -> web.StreamResponse:
        vm = await self._caller(request)
        if fault := await self._faulty(vm, request, Endpoint.EVENTS):
            return fault
        version = admit(request, EVENT_VERSIONS, without_header=UNDERSCORE_VERSION)
        await self._stage.pace.until(self._stage.pace.now() + self._stage.activate(vm))
        incarnation, events = self._stage.read(vm)
        headers = {"ETag": unverified.etag(incarnation)} if self._stage.options.etag else {}
        if headers and request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        body = msgspec.json.encode(render_events(incarnation, events, version))
        return web.Response(body=body, headers=headers, content_type="application/json")

    async def _post_events(self, request: web.Request) -> web.StreamResponse:
        """Approve; the body's Content-Type does not matter, as curl's sample shows (reference §1.1)."""
        vm = await self._caller(request)
        if fault := await self._faulty(vm, request, Endpoint.EVENTS):
            return fault
        admit(request, EVENT_VERSIONS, without_header=UNDERSCORE_VERSION)
        self._stage.activate(vm)
        try:
            wanted = msgspec.json.decode(await request.read(), type=StartRequests)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise refusal(f"malformed StartRequests: {problem}") from problem
        if not self._stage.approve(vm, tuple(start.event_id for start in wanted.start_requests)):
            message = "StartRequests names an event that does not exist"
            raise refusal(message, status=unverified.UNKNOWN_EVENT_STATUS)
        return web.Response(body=unverified.APPROVAL_BODY, content_type="application/json")

    async def _get_instance(self, request: web.Request) -> web.StreamResponse:
        vm = await self._caller(request)
        if fault := await self._faulty(vm, request, Endpoint.INSTANCE):
            return fault
        version = admit(request, INSTANCE_VERSIONS)
        return answer_part(request, render_instance(self._stage.fleet, vm, version))

    async def _get_versions(self, request: web.Request) -> web.Response:
        await self._caller(request)
        check_headers(request, needs_metadata=unverified.VERSIONS_NEED_HEADER)
        body = msgspec.json.encode({"apiVersions": INSTANCE_VERSIONS})
        return web.Response(body=body, content_type="application/json")

    async def _get_decoy(self, _request: web.Request) -> web.Response:
        """Say "calm" to whoever follows a redirect, which nobody should."""
        return web.Response(body=CALM, content_type="application/json")

    async def _caller(self, request: web.Request) -> Vm:
        """Return the VM that asks, once it runs, or refuse it for asking too often (reference §1.8)."""
        name = request.match_info.get("vm")
        vm = self._stage.fleet.find(name) if name else self._stage.fleet.vms[0]
        if vm is None:
            raise web.HTTPNotFound(text=f"no VM {name} in this fleet\n")
        what = request.path.partition("/metadata/")[2].partition("/")[0]
        self._stage.requests[f"{vm.name} {request.method} {what}"] += 1
        await self._stage.wait_until_running(vm)
        if not self._stage.rate.allows(vm.name, self._stage.pace.now()):
            raise refusal("Too many requests", status=429)
        return vm

    async def _faulty(self, vm: Vm, request: web.Request, endpoint: Endpoint) -> web.StreamResponse | None:
        """Return what an ordered fault answers; None when all is well, or well in the end."""
        pace = self._stage.pace
        fault = self._stage.faults.take(vm.name, request.method, endpoint, pace.now())
        if fault and fault.kind is FaultKind.SLOW:
            await pace.until(pace.now() + pace.span(fault.delay_seconds))
            return None
        return await misbehave(request, fault) if fault else None
