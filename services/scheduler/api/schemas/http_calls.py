"""From a request document to an HTTP call: what may be sent where (reference azure-scheduler §2.6, §2.7)."""

import re
from urllib.parse import urlsplit

from msgspec.structs import replace

from services.scheduler.api.schemas.actions import RequestDocument
from services.scheduler.api.schemas.authentication import check_signing, check_transport, read_authentication
from services.scheduler.api.schemas.ground import TEMPLATE, Ground
from services.scheduler.api.schemas.values import ActionType
from services.scheduler.domain.actions import ActionKind, HttpCall
from services.scheduler.domain.headers import FIELD_NAME, OF_THE_WAY
from services.scheduler.domain.limits import Sizes
from services.scheduler.errors import InvalidInputError

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS")

_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_REFUSED_PREFIX = "x-forwarded-"


def read_http(request: RequestDocument, kind: ActionType | None, field: str, ground: Ground) -> HttpCall:
    """Return the call of the request at JSON path `field`, its secrets sealed.

    Raises InvalidInputError, and ConflictError for authentication under a plan without.
    """
    sizes = ground.allowed.sizes
    by_uri = _check_uri(request.uri, f"{field}.uri", sizes.uri)
    ground.check_template(request.uri, f"{field}.uri")
    _check_headers(request.headers, f"{field}.headers", sizes)
    if request.body is not None and len(request.body) > sizes.body:
        raise InvalidInputError(
            f"{field}.body", f"has {len(request.body)} characters; at most {sizes.body} are allowed"
        )
    call = HttpCall(
        kind=kind.kind if kind else by_uri,
        written=kind.kept if kind else "",
        method=_method(request, f"{field}.method"),
        uri=request.uri,
        headers=request.headers,
        body=request.body,
    )
    return _with_secrets(request, call, field, ground)


def _with_secrets(request: RequestDocument, call: HttpCall, field: str, ground: Ground) -> HttpCall:
    if request.authentication is not None:
        call = read_authentication(request.authentication, call, f"{field}.authentication", ground)
        check_transport(call, field)
    if request.webhook_secret is not None:
        check_signing(request.webhook_secret, f"{field}.webhookSecret")
    return replace(call, signing=ground.may(request.webhook_secret, f"{field}.webhookSecret", call))


def _method(request: RequestDocument, field: str) -> str:
    method = (request.method or "GET").upper()
    if method not in METHODS:
        raise InvalidInputError(field, f"{request.method!r} is none of {', '.join(METHODS)}")
    return method


def _check_uri(uri: str, field: str, longest: int) -> ActionKind:
    if len(uri) > longest:
        raise InvalidInputError(field, f"has {len(uri)} characters; at most {longest} are allowed")
    if _UNSAFE.search(uri):
        raise InvalidInputError(field, "holds blanks or control characters; percent-encode them")
    try:
        parts = urlsplit(TEMPLATE.sub("host", uri))
        scheme, host, _ = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as fault:
        raise InvalidInputError(field, f"is not a URI: {fault}") from fault
    if scheme not in ("http", "https"):
        raise InvalidInputError(field, "must begin with http:// or https://")
    if not host:
        raise InvalidInputError(field, "names no host")
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError(
            field, "must not hold a user name or password, which would be stored in clear: use authentication"
        )
    return ActionKind(scheme)


def _check_headers(headers: dict[str, str], field: str, sizes: Sizes) -> None:
    if len(headers) > sizes.headers:
        raise InvalidInputError(field, f"{len(headers)} headers are too many; at most {sizes.headers} are allowed")
    total = sum(len(name) + len(value) for name, value in headers.items())
    if total > sizes.header_characters:
        raise InvalidInputError(field, f"{total} characters are too many; at most {sizes.header_characters} in all")
    for name, value in headers.items():
        _check_header(name, value, f"{field}.{name}")


def _check_header(name: str, value: str, field: str) -> None:
    if not FIELD_NAME.fullmatch(name):
        raise InvalidInputError(field, "is not a header name: use letters, digits and -")
    if name.lower() in OF_THE_WAY or name.lower().startswith(_REFUSED_PREFIX):
        raise InvalidInputError(field, "may not be set by a job: it belongs to the connection or to a proxy")
    if _CONTROL.search(value):
        raise InvalidInputError(field, "holds line breaks or control characters")
