"""Who makes a request: put there by authentication, read by handlers."""

from collections.abc import Callable

import msgspec
from aiohttp import web

from services.scheduler.access.sessions import Session
from services.scheduler.domain.callers import Caller


class Standing(msgspec.Struct, frozen=True):
    """Tells whether the caller of a request would be let in now as well."""

    lasts: Callable[[], bool]


CALLER = web.RequestKey("caller", Caller)
SESSION = web.RequestKey("session", Session)
"""The portal's session, for requests that came with its cookie."""
STANDING = web.RequestKey("standing", Standing)


def caller_of(request: web.Request) -> Caller:
    """Return the request's caller; authentication has set it before any handler runs."""
    return request[CALLER]


def session_of(request: web.Request) -> Session | None:
    """Return the portal's session, None for requests that came with a token, or where nobody is asked for any."""
    return request.get(SESSION)


def still_stands(request: web.Request) -> bool:
    """Whether the caller would be let in now as well: replies that take long must end with the right to them."""
    return STANDING not in request or request[STANDING].lasts()
