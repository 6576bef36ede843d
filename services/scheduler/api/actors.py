"""From a request to whose change it makes, as the audit log tells it."""

from aiohttp import web

from services.scheduler.api.callers import caller_of
from services.scheduler.api.problems import REQUEST_ID
from services.scheduler.store.audit import Actor
from shared.clock import Clock


def actor_of(request: web.Request, clock: Clock) -> Actor:
    """Return who asks for a change; behind a proxy the address is the proxy's, for headers say what one likes."""
    return Actor(caller=caller_of(request).name, request_id=request[REQUEST_ID], address=request.remote, at=clock.now())
