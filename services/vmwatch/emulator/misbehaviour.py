"""What is answered when a fault was ordered: an error, nothing, half a document, or one without end."""

import asyncio
import struct
from socket import SO_LINGER, SOL_SOCKET
from typing import Final

from aiohttp import web

from services.vmwatch.emulator.faults import Fault, FaultKind

DECOY_PATH: Final = "/decoy"
CALM: Final = b'{"DocumentIncarnation":1,"Events":[]}'
_LONGER_THAN_ANYBODY_WAITS: Final = 3600.0
_HUGE_CHUNK: Final = b" " * 65536
_HUGE_CHUNKS: Final = 512
_BODIES: Final = {
    FaultKind.GARBAGE: (b"\x00\x9f\x92\x96not json\xff", "application/json"),
    FaultKind.HTML: (b"<!DOCTYPE html><html><body>Please sign in</body></html>", "text/html"),
    FaultKind.EMPTY: (b"", "application/json"),
    FaultKind.ERROR: (b'{"error":"something went wrong"}', "application/json"),
}


async def misbehave(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Answer as the fault says."""
    if fault.kind in _BODIES:
        body, content_type = _BODIES[fault.kind]
        return web.Response(body=body, content_type=content_type)
    match fault.kind:
        case FaultKind.TIMEOUT:
            await keep_silent()
        case FaultKind.RESET:
            reset(request)
        case FaultKind.TRUNCATED:
            return await _truncate(request)
        case FaultKind.REDIRECT:
            location = request.path.partition("/metadata")[0] + DECOY_PATH
            raise web.HTTPFound(location)
        case FaultKind.HUGE:
            return await _flood(request)
    return web.Response(status=fault.status, body=b'{"error":"ordered fault"}', content_type="application/json")


async def keep_silent() -> None:
    """Let the client wait until it gives up."""
    await asyncio.sleep(_LONGER_THAN_ANYBODY_WAITS)


def reset(request: web.Request) -> None:
    """Close the connection with a TCP reset instead of a farewell."""
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


async def _truncate(request: web.Request) -> web.StreamResponse:
    """Promise the whole calm document and send half of it."""
    response = web.StreamResponse(headers={"Content-Length": str(len(CALM))})
    await response.prepare(request)
    await response.write(CALM[: len(CALM) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


async def _flood(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        for _ in range(_HUGE_CHUNKS):
            await response.write(_HUGE_CHUNK)
        await response.write(CALM)
        await response.write_eof()
    except ConnectionError:
        # The client had enough, as it should.
        return response
    return response
