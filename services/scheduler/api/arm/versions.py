"""The api-versions that Azure Scheduler spoke; all of them mean the same here (reference azure-scheduler §0.1)."""

import re
from functools import wraps

from aiohttp import web
from aiohttp.typedefs import Handler

from services.scheduler.errors import InvalidInputError

VERSIONS = ("2016-03-01", "2016-01-01", "2014-08-01-preview")
OLD_VERSION = "2016-01-01"
_ANY_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-[A-Za-z]+)?")


class VersionError(InvalidInputError):
    """The api-version is missing, or none that is known."""


def version_of(request: web.Request) -> str | None:
    """Return the api-version of a request, as written."""
    return next((value for name, value in request.query.items() if name.lower() == "api-version"), None)


def versioned(handler: Handler) -> Handler:
    """Return the handler behind a check: only Azure Scheduler's versions pass."""

    @wraps(handler)
    async def checked(request: web.Request) -> web.StreamResponse:
        version = version_of(request)
        if version not in VERSIONS:
            raise _refusal(version, f"give one of {', '.join(VERSIONS)}")
        return await handler(request)

    return checked


def dated(handler: Handler) -> Handler:
    """Return the handler behind a check: any version passes that looks like one; ARM itself has had dozens."""

    @wraps(handler)
    async def checked(request: web.Request) -> web.StreamResponse:
        version = version_of(request)
        if version is None or not _ANY_VERSION.fullmatch(version):
            raise _refusal(version, "give one such as 2016-09-01")
        return await handler(request)

    return checked


def _refusal(version: str | None, advice: str) -> VersionError:
    if version is None:
        return VersionError("api-version", f"the query parameter is required; {advice}")
    return VersionError("api-version", f"{version!r} is not supported; {advice}")
