"""What went wrong, as ARM says it: one table from error types to the codes of reference azure-scheduler §1.6."""

from http import HTTPStatus

import msgspec
from aiohttp import web

from services.scheduler.api.arm.addresses import PROVIDER
from services.scheduler.api.arm.versions import VersionError
from services.scheduler.api.problems import BodyTooLargeError, said
from services.scheduler.api.refusals import headers_of
from services.scheduler.api.schemas.strict import MalformedBodyError
from services.scheduler.api.schemas.values import Document
from services.scheduler.api.throttle import ThrottledError
from services.scheduler.errors import (
    ConflictError,
    ForbiddenError,
    ForeignRequestError,
    InvalidInputError,
    NotFoundError,
    StoreUnavailableError,
    UnauthenticatedError,
)
from shared.errors import LeewardError

_ENCODER = msgspec.json.Encoder()


class ArmError(Document, frozen=True, kw_only=True):
    """Code and message of a refusal; `target` is the JSON path, parameter or header that has to change."""

    code: str
    message: str
    target: str | None = None


class ArmProblem(Document, frozen=True, kw_only=True):
    """The body of every refusal."""

    error: ArmError


class GroupNotFoundError(NotFoundError):
    """The resource group named does not exist."""


class _Kind(msgspec.Struct, frozen=True):
    status: HTTPStatus
    code: str


CODES: dict[type[LeewardError], _Kind] = {
    VersionError: _Kind(HTTPStatus.BAD_REQUEST, "MissingOrIncorrectVersionHeader"),
    MalformedBodyError: _Kind(HTTPStatus.BAD_REQUEST, "InvalidXmlRequest"),
    BodyTooLargeError: _Kind(HTTPStatus.BAD_REQUEST, "BadRequest"),
    InvalidInputError: _Kind(HTTPStatus.BAD_REQUEST, "BadRequest"),
    ForbiddenError: _Kind(HTTPStatus.FORBIDDEN, "AuthorizationFailed"),
    UnauthenticatedError: _Kind(HTTPStatus.UNAUTHORIZED, "AuthenticationFailed"),
    ForeignRequestError: _Kind(HTTPStatus.FORBIDDEN, "AuthenticationFailed"),
    GroupNotFoundError: _Kind(HTTPStatus.NOT_FOUND, "ResourceGroupNotFound"),
    NotFoundError: _Kind(HTTPStatus.NOT_FOUND, "ResourceNotFound"),
    ConflictError: _Kind(HTTPStatus.CONFLICT, "ConflictError"),
    ThrottledError: _Kind(HTTPStatus.TOO_MANY_REQUESTS, "TooManyRequests"),
    StoreUnavailableError: _Kind(HTTPStatus.SERVICE_UNAVAILABLE, "ServerBusy"),
}
_INTERNAL = _Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError")


def is_internal(fault: Exception) -> bool:
    """Whether an error is a fault of the scheduler, of which callers learn no more than that."""
    return not isinstance(fault, LeewardError) or _kind(fault) is _INTERNAL


def of_error(request: web.Request, fault: Exception) -> web.Response:
    """Return the reply to a request that failed with `fault`."""
    if not isinstance(fault, LeewardError) or is_internal(fault):
        return _reply(_INTERNAL, "this is a fault of the scheduler; its log has the details under x-ms-request-id")
    kind = _kind(fault)
    target = fault.field or None if isinstance(fault, InvalidInputError) else None
    response = _reply(kind, _missing(request, fault) if isinstance(fault, NotFoundError) else said(fault), target)
    if kind.status is HTTPStatus.NOT_FOUND:
        response.headers["x-ms-failure-cause"] = "gateway"
    response.headers.update(headers_of(fault))
    return response


def of_http(fault: web.HTTPException) -> web.Response:
    """Return the reply to a request that no route takes."""
    if fault.status == HTTPStatus.METHOD_NOT_ALLOWED:
        wrong = _Kind(HTTPStatus.BAD_REQUEST, "InvalidHttpVerb")
        response = _reply(wrong, f"this resource takes {fault.headers.get('Allow', 'other methods')} only")
        response.headers["Allow"] = fault.headers.get("Allow", "")
        return response
    if fault.status == HTTPStatus.NOT_FOUND:
        return _reply(CODES[NotFoundError], "there is no such kind of resource; /openapi.json lists what there is")
    return _reply(_Kind(HTTPStatus(fault.status), "BadRequest"), fault.reason)


def _missing(request: web.Request, fault: NotFoundError) -> str:
    """Return the sentence that was recorded for a missing collection; a job's says what of it is missing."""
    place = request.match_info
    if isinstance(fault, GroupNotFoundError) or "collection" not in place:
        return str(fault)
    resource, group = f"{PROVIDER}/jobcollections/{place['collection']}", place["group"]
    if "job" in place:
        return f"The Resource '{resource}/jobs/{place['job']}' under resource group '{group}' was not found: {fault}."
    return f"The Resource '{resource}' under resource group '{group}' was not found."


def _kind(fault: LeewardError) -> _Kind:
    return next((CODES[kind] for kind in type(fault).__mro__ if kind in CODES), _INTERNAL)


def _reply(kind: _Kind, message: str, target: str | None = None) -> web.Response:
    body = _ENCODER.encode(ArmProblem(error=ArmError(code=kind.code, message=message, target=target)))
    return web.Response(body=body, status=kind.status, content_type="application/json", charset="utf-8")
