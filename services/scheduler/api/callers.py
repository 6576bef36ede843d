"""Who makes a request: put there by authentication, read by handlers."""

from aiohttp import web

from services.scheduler.domain.callers import Caller

CALLER = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """Return the request's caller; authentication has set it before any handler runs."""
    return request[CALLER]
