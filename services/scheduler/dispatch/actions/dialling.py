"""Connects sockets that the target guard has made, for protocols other than HTTP."""

import asyncio
import socket

from services.scheduler.dispatch.actions.targets import TargetGuard

_TRY_SECONDS = 10


async def connected(guard: TargetGuard, host: str, port: int) -> socket.socket:
    """Return a socket connected to the first address of `host` that answers.

    Raises TargetDeniedError for an address that may not be reached, OSError when none answers.
    """
    loop = asyncio.get_running_loop()
    fault: OSError = OSError(f"{host} has no address")
    for info in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        dialled = guard.open_socket(info)
        dialled.setblocking(False)
        try:
            async with asyncio.timeout(_TRY_SECONDS):
                await loop.sock_connect(dialled, info[4])
        except OSError as failed:
            dialled.close()
            fault = OSError(f"cannot connect to {host}:{port}: {str(failed) or 'no answer'}")
        except BaseException:
            dialled.close()
            raise
        else:
            return dialled
    raise fault
