"""The control API of the emulator: raise, steer and withdraw events, order faults, look at everything."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Fault
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.errors import RehearsalError, UnknownEventError
from shared.messages import MessageRefusedError, decode

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Move(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Body of PATCH: NotBefore comes so many seconds from now (Azure's time)."""

    notice_seconds: float


class IncarnationOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of PUT /control/incarnation."""

    value: int


class ControlRoutes:
    """`/control`: meant for tests and rehearsals; it has no access control and belongs on loopback."""

    def __init__(self, stage: Stage) -> None:
        """Steer this stage."""
        self._stage = stage

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the control API."""
        return [
            web.get("/control/state", self._get_state),
            web.post("/control/events", self._post_event),
            web.patch("/control/events/{id}", self._patch_event),
            web.post("/control/events/{id}/start", self._start_event),
            web.post("/control/events/{id}/finish", self._finish_event),
            web.post("/control/events/{id}/cancel", self._cancel_event),
            web.put("/control/faults", self._put_faults),
            web.put("/control/incarnation", self._put_incarnation),
        ]

    async def _get_state(self, _request: web.Request) -> web.Response:
        return _json(self._stage.state())

    async def _post_event(self, request: web.Request) -> web.Response:
        return _json(self._stage.schedule(await _body(request, Draft)), status=201)

    async def _patch_event(self, request: web.Request) -> web.Response:
        move = await _body(request, Move)
        return _json(self._stage.reschedule(request.match_info["id"], move.notice_seconds))

    async def _start_event(self, request: web.Request) -> web.Response:
        return _json(self._stage.start(request.match_info["id"]))

    async def _finish_event(self, request: web.Request) -> web.Response:
        self._stage.finish(request.match_info["id"])
        return web.Response(status=204)

    async def _cancel_event(self, request: web.Request) -> web.Response:
        self._stage.cancel(request.match_info["id"])
        return web.Response(status=204)

    async def _put_faults(self, request: web.Request) -> web.Response:
        """Take one fault or a list; an empty list ends them all."""
        body = await request.read()
        listed = body.lstrip().startswith(b"[")
        faults = decode(body, tuple[Fault, ...]) if listed else (decode(body, Fault),)
        self._stage.faults.replace(faults, self._stage.pace.now())
        return _json(self._stage.faults.current(self._stage.pace.now()))

    async def _put_incarnation(self, request: web.Request) -> web.Response:
        self._stage.reset((await _body(request, IncarnationOrder)).value)
        return web.Response(status=204)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say in JSON why an order cannot be carried out."""
    try:
        return await handler(request)
    except UnknownEventError as fault:
        return _json({"error": str(fault)}, status=404)
    except (RehearsalError, MessageRefusedError) as fault:
        return _json({"error": str(fault)}, status=400)


async def _body(request: web.Request, kind: type[T]) -> T:
    return decode(await request.read(), kind)


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
