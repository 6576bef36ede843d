"""Which requests the metadata service takes at all, and what it says to the others (reference §1.1, §1.9)."""

from typing import Final

import msgspec
from aiohttp import web

from services.vmwatch.emulator import unverified

_NEWEST: Final = 3
_VERSION: Final = "api-version"


def admit(request: web.Request, versions: tuple[str, ...], *, without_header: str = "") -> str:
    """Return the api-version, or refuse the request; one for the version `without_header` needs no `Metadata: true`."""
    given = request.query.getall(_VERSION, [])
    if len(given) != 1 or given[0] not in versions:
        raise refusal("Bad request. api-version is invalid or was not specified in the request.", versions=versions)
    if len(set(request.query)) < len(request.query):
        raise refusal("Bad request. A query parameter was given twice.")
    check_headers(request, needs_metadata=given[0] != without_header)
    return given[0]


def check_headers(request: web.Request, *, needs_metadata: bool) -> None:
    """Refuse what came through a proxy, and what does not say `Metadata: true`."""
    if "X-Forwarded-For" in request.headers:
        raise refusal("Bad request. X-Forwarded-For is not allowed.", status=unverified.FORWARDED_STATUS)
    if needs_metadata and request.headers.get("Metadata", "").lower() != "true":
        raise refusal("Bad request. Required metadata header not specified.")


def refusal(message: str, *, status: int = 400, versions: tuple[str, ...] = ()) -> web.HTTPException:
    """Return the error to raise, with Azure's form of body; `versions` are those that would have been right."""
    body: dict[str, object] = {"error": message}
    if versions:
        body["newest-versions"] = sorted(versions, reverse=True)[:_NEWEST]
    return _Refused(status, msgspec.json.encode(body).decode())


class _Refused(web.HTTPException):
    status_code = 400

    def __init__(self, status: int, body: str) -> None:
        self.status_code = status
        super().__init__(text=body, content_type="application/json")
