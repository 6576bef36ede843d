"""What went wrong, as `application/problem+json` (RFC 9457): one table from error types to HTTP."""

from collections.abc import Callable
from http import HTTPStatus

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.scheduler.api.refusals import headers_of
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
from shared.errors import LeewardError, PermanentError
from shared.logs import Details, get_logger

CONTENT_TYPE = "application/problem+json"
REQUEST_ID = web.RequestKey("request_id", str)
REQUEST_ID_HEADER = "x-ms-request-id"
STORE_AWAY = "the store is away; nothing is lost, try again in a moment"
_log = get_logger(__name__)
_details = Details(__name__)
_ENCODER = msgspec.json.Encoder()


class BodyTooLargeError(PermanentError):
    """A request's body is longer than its route takes."""


class Problem(Document, frozen=True, kw_only=True):
    """The body of every refusal; `field` is the JSON path of what has to change, where there is one."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    request_id: str | None = None


class Kind(msgspec.Struct, frozen=True):
    """How one error type looks over HTTP."""

    status: HTTPStatus
    name: str


KINDS: dict[type[LeewardError], Kind] = {
    InvalidInputError: Kind(HTTPStatus.BAD_REQUEST, "invalid-input"),
    UnauthenticatedError: Kind(HTTPStatus.UNAUTHORIZED, "unauthenticated"),
    ForeignRequestError: Kind(HTTPStatus.FORBIDDEN, "foreign-request"),
    ForbiddenError: Kind(HTTPStatus.FORBIDDEN, "forbidden"),
    NotFoundError: Kind(HTTPStatus.NOT_FOUND, "not-found"),
    ConflictError: Kind(HTTPStatus.CONFLICT, "conflict"),
    BodyTooLargeError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large"),
    ThrottledError: Kind(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests"),
    StoreUnavailableError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
}
_INTERNAL = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")


def problem_of(error: LeewardError, request_id: str | None = None) -> Problem:
    """Return the problem document of an error."""
    kind = _kind(error)
    detail, field = (error.message, error.field) if isinstance(error, InvalidInputError) else (said(error), "")
    return Problem(
        type=f"urn:leeward:problem:{kind.name}",
        title=kind.status.phrase,
        status=kind.status,
        detail=detail,
        field=field or None,
        request_id=request_id,
    )


def said(error: LeewardError) -> str:
    """Return an error's message for callers; what a database said of its trouble is for the log."""
    return STORE_AWAY if isinstance(error, StoreUnavailableError) else str(error)


def middleware(new_id: Callable[[], str]) -> Middleware:
    """Return the outermost middleware: every request gets an id, every error becomes a problem."""

    @web.middleware
    async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = request_id = new_id()
        try:
            return await handler(request)
        except web.HTTPException as fault:
            if fault.status < HTTPStatus.BAD_REQUEST:
                raise
            return _of_http(fault, request_id)
        except LeewardError as fault:
            return _of_error(fault, request_id)
        except Exception:  # noqa: BLE001 - the outermost rim: whatever it was, it is logged and answered
            _log.exception("request failed", method=request.method, path=request.path, request_id=request_id)
            return _reply(_internal(request_id))

    return problems


@web.middleware
async def refuse_nul(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse addresses that no store can look up (a middleware)."""
    if "\x00" in request.path or any("\x00" in value for value in request.query.values()):
        raise InvalidInputError("", "the address holds a NUL character")
    return await handler(request)


async def mark(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request's id on a reply (an `on_response_prepare` signal: streams get it, too)."""
    if REQUEST_ID in request:
        _details(
            "request",
            method=request.method,
            path=request.path,
            status=response.status,
            request_id=request[REQUEST_ID],
        )
        response.headers[REQUEST_ID_HEADER] = request[REQUEST_ID]


def _of_error(error: LeewardError, request_id: str) -> web.Response:
    if _kind(error) is _INTERNAL:
        _log.error("request failed", error=str(error), request_id=request_id)
        return _reply(_internal(request_id))
    response = _reply(problem_of(error, request_id))
    response.headers.update(headers_of(error))
    if isinstance(error, StoreUnavailableError):
        _log.warning("store unavailable for a request", error=str(error), request_id=request_id)
    return response


def _of_http(fault: web.HTTPException, request_id: str) -> web.Response:
    status = HTTPStatus(fault.status)
    name = status.phrase.lower().replace(" ", "-")
    detail = _DETAILS.get(status, fault.reason)
    response = _reply(
        Problem(
            type=f"urn:leeward:problem:{name}",
            title=status.phrase,
            status=status,
            detail=detail,
            request_id=request_id,
        )
    )
    if "Allow" in fault.headers:
        response.headers["Allow"] = fault.headers["Allow"]
    return response


_DETAILS = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path; /openapi.json lists what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method; see the Allow header",
}


def _internal(request_id: str) -> Problem:
    return Problem(
        type=f"urn:leeward:problem:{_INTERNAL.name}",
        title=_INTERNAL.status.phrase,
        status=_INTERNAL.status,
        detail="this is a fault of the scheduler; its log has the details under this request id",
        request_id=request_id,
    )


def _kind(error: LeewardError) -> Kind:
    return next((KINDS[kind] for kind in type(error).__mro__ if kind in KINDS), _INTERNAL)


def _reply(problem: Problem) -> web.Response:
    return web.Response(body=_ENCODER.encode(problem), status=problem.status, content_type=CONTENT_TYPE)
