"""The outermost layer of this mount: errors as ARM says them, and the headers that tools read."""

from datetime import datetime

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.scheduler.api.arm.addresses import is_arm
from services.scheduler.api.arm.errors import is_internal, of_error, of_http
from services.scheduler.api.ports import Services
from services.scheduler.api.problems import REQUEST_ID
from services.scheduler.api.rates import BURST
from services.scheduler.errors import StoreUnavailableError
from shared.logs import get_logger

CLIENT_REQUEST_ID = "x-ms-client-request-id"
CORRELATION_ID = "x-ms-correlation-request-id"
_RETURN_CLIENT_ID = "x-ms-return-client-request-id"
_REGION = "LEEWARD"
_UNCACHED = {"Cache-Control": "no-cache", "Pragma": "no-cache", "Expires": "-1"}
_MAX_ID = 128
_log = get_logger(__name__)


def gateway(services: Services) -> Middleware:
    """Return the middleware of the mount; requests to other paths pass through untouched."""

    @web.middleware
    async def arm(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_arm(request.path):
            return await handler(request)
        try:
            response = await handler(request)
        except Exception as fault:  # noqa: BLE001 - the rim of this mount: whatever it was, it is logged and answered
            response = _answer(request, fault)
        if (burst := request.get(BURST)) is not None:
            response.headers[f"x-ms-ratelimit-burst-remaining-scheduler-{burst.kind}"] = str(burst.left)
        response.headers.update(_headers(request, services.clock.now()))
        return response

    return arm


def _answer(request: web.Request, fault: Exception) -> web.Response:
    if isinstance(fault, web.HTTPException):
        return of_http(fault)
    request_id = request[REQUEST_ID]
    if is_internal(fault):
        _log.error("request failed", method=request.method, path=request.path, request_id=request_id, exc_info=fault)
    if isinstance(fault, StoreUnavailableError):
        _log.warning("store unavailable for a request", error=str(fault), request_id=request_id)
    return of_error(request, fault)


def _headers(request: web.Request, now: datetime) -> dict[str, str]:
    request_id = request[REQUEST_ID]
    correlation = _clean(request.headers.get(CORRELATION_ID)) or request_id
    headers = {
        **_UNCACHED,
        CORRELATION_ID: correlation,
        "x-ms-routing-request-id": f"{_REGION}:{now:%Y%m%dT%H%M%SZ}:{correlation}",
        "X-Content-Type-Options": "nosniff",
    }
    client_id = _clean(request.headers.get(CLIENT_REQUEST_ID))
    if client_id and request.headers.get(_RETURN_CLIENT_ID, "").lower() == "true":
        headers[CLIENT_REQUEST_ID] = client_id
    if request.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def _clean(value: str | None) -> str | None:
    """Return an id of the caller's if it may be repeated in a header."""
    return value if value and len(value) <= _MAX_ID and value.isascii() and value.isprintable() else None
