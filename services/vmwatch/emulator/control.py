"""The control API of the emulator: raise, steer and withdraw events, order faults, look at everything."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import web

from services.vmwatch.emulator.clock import Length, Notice
from services.vmwatch.emulator.events import Draft
from services.vmwatch.emulator.faults import Fault
from services.vmwatch.emulator.hints import WrongKeysError, convert
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.errors import RehearsalError, UnknownEventError
from shared.messages import MessageRefusedError, decode

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Move(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Body of PATCH: NotBefore comes so many seconds from now (Azure's time)."""

    notice_seconds: Notice


class IncarnationOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of PUT /control/incarnation."""

    value: int


class Interruption(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /control/events/{id}/impact: how long the event's VMs stand still, in seconds of Azure's time."""

    seconds: Length


class Turn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /control/clock: so many seconds of Azure's time pass at once."""

    seconds: Length


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
            web.post("/control/events/{id}/approve", self._approve_event),
            web.post("/control/events/{id}/impact", self._interrupt),
            web.post("/control/clock", self._turn_clock),
            web.put("/control/faults", self._put_faults),
            web.put("/control/incarnation", self._put_incarnation),
        ]

    async def _get_state(self, _request: web.Request) -> web.Response:
        return answer_json(self._stage.state())

    async def _post_event(self, request: web.Request) -> web.Response:
        return answer_json(self._stage.schedule(await read_order(request, Draft)), status=201)

    async def _patch_event(self, request: web.Request) -> web.Response:
        move = await read_order(request, Move)
        return answer_json(self._stage.reschedule(request.match_info["id"], move.notice_seconds))

    async def _start_event(self, request: web.Request) -> web.Response:
        return answer_json(self._stage.start(request.match_info["id"]))

    async def _finish_event(self, request: web.Request) -> web.Response:
        self._stage.finish(request.match_info["id"])
        return web.Response(status=204)

    async def _cancel_event(self, request: web.Request) -> web.Response:
        self._stage.cancel(request.match_info["id"])
        return web.Response(status=204)

    async def _approve_event(self, request: web.Request) -> web.Response:
        """Approve from outside the VMs, as Azure Resource Manager lets people do (reference §1.11)."""
        return answer_json(self._stage.approve_centrally(request.match_info["id"]))

    async def _interrupt(self, request: web.Request) -> web.Response:
        order = await read_order(request, Interruption)
        return answer_json(self._stage.interrupt(request.match_info["id"], order.seconds))

    async def _turn_clock(self, request: web.Request) -> web.Response:
        self._stage.pace.turn((await read_order(request, Turn)).seconds)
        return answer_json({"now": self._stage.pace.now()})

    async def _put_faults(self, request: web.Request) -> web.Response:
        """Take one fault or a list; an empty list ends them all."""
        body = decode(await request.read(), object)
        faults = convert(body if isinstance(body, list) else [body], tuple[Fault, ...])
        self._stage.faults.replace(faults, self._stage.pace.now())
        return answer_json(self._stage.faults.current(self._stage.pace.now()))

    async def _put_incarnation(self, request: web.Request) -> web.Response:
        self._stage.reset((await read_order(request, IncarnationOrder)).value)
        return web.Response(status=204)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say in JSON why an order cannot be carried out."""
    try:
        return await handler(request)
    except UnknownEventError as fault:
        return answer_json({"error": str(fault)}, status=404)
    except (RehearsalError, MessageRefusedError, WrongKeysError) as fault:
        return answer_json({"error": str(fault)}, status=400)


async def read_order(request: web.Request, kind: type[T]) -> T:
    """Return the body as `kind`; raises MessageRefusedError for no JSON, WrongKeysError with the nearest known word."""
    return convert(decode(await request.read(), object), kind)


def answer_json(value: object, *, status: int = 200) -> web.Response:
    """Return the answer of the control API."""
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
