"""Callers of every kind for API tests: a header says who asks, in place of a proof."""

from aiohttp import web
from aiohttp.typedefs import Handler

from services.scheduler.api.callers import CALLER
from services.scheduler.domain.callers import ANYBODY, Caller, Role, Scope
from services.scheduler.domain.collections import Namespace

HEADER = "x-test-caller"
NOBODY = "nobody"
HERE = Namespace("00000000-0000-0000-0000-000000000000", "default")
"""Where the short mount's collections are."""
MINE = Scope(HERE, "mine")

READER = Caller(name="rita", role=Role.READER)
OPERATOR = Caller(name="otto", role=Role.OPERATOR)
CONFINED_READER = Caller(name="ruth", role=Role.READER, scopes=(MINE,))
CONFINED_OPERATOR = Caller(name="olga", role=Role.OPERATOR, scopes=(MINE,))
CALLERS = {one.name: one for one in (ANYBODY, READER, OPERATOR, CONFINED_READER, CONFINED_OPERATOR)}


@web.middleware
async def believed(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Take the header's word for who asks; NOBODY: leave the request without a caller (a middleware)."""
    name = request.headers.get(HEADER, ANYBODY.name)
    if name == NOBODY:
        request.pop(CALLER, None)
    else:
        request[CALLER] = CALLERS[name]
    return await handler(request)
