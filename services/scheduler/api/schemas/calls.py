"""From a request document to the HTTP call of an action: what may be sent where (reference §2.6, §2.7)."""

import re
from urllib.parse import urlsplit

from services.scheduler.api.schemas.jobs import ErrorActionDocument, RequestDocument
from services.scheduler.domain.actions import ActionKind, HttpCall
from services.scheduler.domain.limits import Sizes
from services.scheduler.errors import InvalidInputError

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS")

_TEMPLATE = re.compile(r"\{(host|hostname)\}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_REFUSED_PREFIX = "x-forwarded-"
_REFUSED = frozenset(
    {
        "connection",
        "content-length",
        "forwarded",
        "host",
        "keep-alive",
        "metadata",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def read_call(document: ErrorActionDocument, field: str, sizes: Sizes, *, placed: bool) -> HttpCall:
    """Return the call of the action at JSON path `field`; raises InvalidInputError.

    `{host}` and `{hostname}` in a URI are refused unless the job is `placed`: nothing would say what they stand for.
    """
    request = document.request
    path = f"{field}.request"
    kind = _check_uri(request.uri, f"{path}.uri", sizes.uri, placed=placed)
    _check_headers(request.headers, f"{path}.headers", sizes)
    if request.body is not None and len(request.body) > sizes.body:
        raise InvalidInputError(f"{path}.body", f"has {len(request.body)} characters; at most {sizes.body} are allowed")
    return HttpCall(
        kind=document.type.kind if document.type else kind,
        written=document.type.written if document.type else "",
        method=_method(request, f"{path}.method"),
        uri=request.uri,
        headers=request.headers,
        body=request.body,
    )


def _method(request: RequestDocument, field: str) -> str:
    method = (request.method or "GET").upper()
    if method not in METHODS:
        raise InvalidInputError(field, f"{request.method!r} is none of {', '.join(METHODS)}")
    return method


def _check_uri(uri: str, field: str, longest: int, *, placed: bool) -> ActionKind:
    if len(uri) > longest:
        raise InvalidInputError(field, f"has {len(uri)} characters; at most {longest} are allowed")
    if _UNSAFE.search(uri):
        raise InvalidInputError(field, "holds blanks or control characters; percent-encode them")
    template = _TEMPLATE.search(uri)
    if template and not placed:
        raise InvalidInputError(field, f"{template[0]} needs a placement: give placement.pool or placement.host")
    try:
        parts = urlsplit(_TEMPLATE.sub("host", uri))
        scheme, host, _ = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as fault:
        raise InvalidInputError(field, f"is not a URI: {fault}") from fault
    if scheme not in ("http", "https"):
        raise InvalidInputError(field, "must begin with http:// or https://")
    if not host:
        raise InvalidInputError(field, "names no host")
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError(field, "must not hold a user name or password: it would be stored in clear")
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
    if not _TOKEN.fullmatch(name):
        raise InvalidInputError(field, "is not a header name: use letters, digits and -")
    if name.lower() in _REFUSED or name.lower().startswith(_REFUSED_PREFIX):
        raise InvalidInputError(field, "may not be set by a job: it belongs to the connection or to a proxy")
    if _CONTROL.search(value):
        raise InvalidInputError(field, "holds line breaks or control characters")
