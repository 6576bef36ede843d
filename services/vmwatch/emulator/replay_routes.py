"""The routes of a replay: any VM's name may stand in the path, all get what was recorded."""

from collections import Counter, deque
from typing import Final

import msgspec
from aiohttp import web

from services.vmwatch.documents import UNDERSCORE_VERSION
from services.vmwatch.emulator import unverified
from services.vmwatch.emulator.admission import admit, refusal
from services.vmwatch.emulator.control import Turn, answer_json, read_order
from services.vmwatch.emulator.faults import Endpoint
from services.vmwatch.emulator.fleet import Fleet, Vm
from services.vmwatch.emulator.instance_document import INSTANCE_VERSIONS, render_instance
from services.vmwatch.emulator.leaves import answer_part
from services.vmwatch.emulator.misbehaviour import keep_silent, reset
from services.vmwatch.emulator.recording import Answer, Entry, Silence
from services.vmwatch.emulator.replay import Replay
from services.vmwatch.emulator.stage import Approval
from services.vmwatch.emulator.wire import EVENT_VERSIONS
from services.vmwatch.imds import EVENTS_PATH, INSTANCE_PATH, StartRequests

_REMEMBERED_APPROVALS: Final = 10_000
_NOBODY: Final = "anybody"


class ReplayRoutes:
    """Answers with the recording. Approvals are taken and remembered; what was recorded goes its way all the same."""

    def __init__(self, replay: Replay) -> None:
        """Serve what this replay says."""
        self._replay = replay
        self._requests: Counter[str] = Counter()
        self._approvals: deque[Approval] = deque(maxlen=_REMEMBERED_APPROVALS)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, with and without a VM's prefix."""
        found = [web.get("/control/state", self._get_state), web.post("/control/clock", self._turn_clock)]
        for prefix in ("", "/vm/{vm}"):
            found += [
                web.get(prefix + EVENTS_PATH, self._get_events, allow_head=False),
                web.post(prefix + EVENTS_PATH, self._post_events),
                web.get(prefix + INSTANCE_PATH, self._get_instance, allow_head=False),
            ]
        return found

    async def _get_events(self, request: web.Request) -> web.Response:
        """Answer in the version that was recorded, whichever is asked for."""
        admit(request, EVENT_VERSIONS, without_header=UNDERSCORE_VERSION)
        self._requests["GET scheduledevents"] += 1
        return await self._played(request, self._replay.current(Endpoint.EVENTS))

    async def _post_events(self, request: web.Request) -> web.Response:
        admit(request, EVENT_VERSIONS, without_header=UNDERSCORE_VERSION)
        try:
            wanted = msgspec.json.decode(await request.read(), type=StartRequests)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise refusal(f"malformed StartRequests: {problem}") from problem
        vm, now = request.match_info.get("vm", _NOBODY), self._replay.pace.now()
        for start in wanted.start_requests:
            self._approvals.append(Approval(at=now, vm=vm, event_id=start.event_id.upper(), status="recorded"))
        return web.Response(body=unverified.APPROVAL_BODY, content_type="application/json")

    async def _get_instance(self, request: web.Request) -> web.Response:
        """Answer who the recorded VM was, or who the VM in the path would be."""
        version = admit(request, INSTANCE_VERSIONS)
        self._requests["GET instance"] += 1
        if name := request.match_info.get("vm"):
            vm = Vm(name=name)
            return answer_part(request, render_instance(Fleet(vms=(vm,)), vm, version))
        return await self._played(request, self._replay.current(Endpoint.INSTANCE))

    async def _played(self, request: web.Request, entry: Entry | None) -> web.Response:
        if entry is None:
            raise refusal("this recording has none", status=404)
        if not isinstance(entry, Answer):
            if entry.silence is Silence.TIMEOUT:
                await keep_silent()
            reset(request)
            return web.Response(status=503)
        etag = entry.headers.get("ETag")
        if etag is not None and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return web.Response(status=entry.status, headers=entry.headers, body=self._replay.body(entry))

    async def _get_state(self, _request: web.Request) -> web.Response:
        replay = self._replay
        return answer_json(
            {
                "now": replay.pace.now(),
                "speed": replay.pace.speed,
                "source": replay.recording.heading.source,
                "recordedAt": replay.recording.began_at,
                "positionSeconds": replay.position.total_seconds(),
                "lengthSeconds": replay.recording.length.total_seconds(),
                "isOver": replay.is_over,
                "approvals": tuple(self._approvals),
                "requests": dict(self._requests),
            }
        )

    async def _turn_clock(self, request: web.Request) -> web.Response:
        self._replay.pace.turn((await read_order(request, Turn)).seconds)
        return answer_json({"now": self._replay.pace.now()})
