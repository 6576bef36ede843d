"""What a caller may do: the one place where roles and scopes are judged (docs/rest.md, What a caller may see)."""

from enum import StrEnum
from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from services.scheduler.api.callers import caller_of
from services.scheduler.api.mounts import Mount
from services.scheduler.domain.callers import Caller, Role
from services.scheduler.domain.collections import Namespace
from services.scheduler.errors import ForbiddenError

READS = frozenset({"GET", "HEAD"})
NOWHERE = Namespace("/", "/")
"""Where no collection can be: no part of a path has a slash in it."""


class Right(StrEnum):
    """What a route takes. LOOK: any role. CHANGE: operator. STEER: operator of everything, for what concerns all."""

    LOOK = "look"
    CHANGE = "change"
    STEER = "steer"


def right_of(method: str) -> Right:
    """Return what a route of this method takes unless it says otherwise."""
    return Right.LOOK if method in READS else Right.CHANGE


def check(caller: Caller, right: Right) -> None:
    """Raise ForbiddenError, which says what it takes, unless the caller has the right."""
    if right is Right.LOOK:
        return
    if not caller.may_change:
        raise ForbiddenError(f"this takes the role {Role.OPERATOR}; {caller.name} has the role {caller.role}")
    if right is Right.STEER and caller.is_confined:
        raise ForbiddenError(
            f"this concerns everybody's jobs: it takes the role {Role.OPERATOR} for all collections; "
            f"{caller.name} has it for some of them only"
        )


def has(caller: Caller, right: Right) -> bool:
    """Whether a caller has a right."""
    try:
        check(caller, right)
    except ForbiddenError:
        return False
    return True


def guarded(handler: Handler, right: Right) -> Handler:
    """Return the handler behind the check of its right: nothing of a request is read before."""

    @wraps(handler)
    async def allowed(request: web.Request) -> web.StreamResponse:
        check(caller_of(request), right)
        return await handler(request)

    return allowed


def place_of(caller: Caller, namespace: Namespace, name: str) -> Namespace:
    """Return where to look for a collection: NOWHERE if it is out of the caller's scope.

    So what is out of scope is looked up as what does not exist is, takes as long, and is answered the same.
    """
    return namespace if caller.may_see(namespace, name) else NOWHERE


def named_collection(request: web.Request, mount: Mount) -> tuple[Namespace, str]:
    """Return where to look for the collection that a request names, and its name. Raises InvalidInputError."""
    namespace, name = mount.namespace(request), request.match_info["collection"]
    return place_of(caller_of(request), namespace, name), name


def new_collection(request: web.Request, mount: Mount) -> tuple[Namespace, str]:
    """Return where to create or replace the collection that a request names, and its name.

    Raises ForbiddenError for one out of scope, whether it exists or not; InvalidInputError.
    """
    namespace, name = mount.namespace(request), request.match_info["collection"]
    caller = caller_of(request)
    if not caller.may_see(namespace, name):
        raise ForbiddenError(f"{caller.name} has no right to a collection {name}; GET of all collections lists its own")
    return namespace, name
