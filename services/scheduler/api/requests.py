"""What a request carries beside its path: the body and the page."""

from typing import Any

import msgspec
from aiohttp import web

from services.scheduler.api.problems import BodyTooLargeError
from services.scheduler.api.schemas.strict import MalformedBodyError, parse
from services.scheduler.errors import InvalidInputError

MAX_DOCUMENT_BYTES = 256 * 1024
"""A job may have 16 kB; room for white space and for what a reply of ours repeats."""
MAX_BATCH_BYTES = 32 * 1024 * 1024
MAX_TOP = 100
MAX_SKIP = 2**31 - 1
_CHUNK = 65_536


class Page(msgspec.Struct, frozen=True):
    """Which part of a list is asked for."""

    top: int
    skip: int

    @property
    def wanted(self) -> int:
        """How many rows to fetch: one more than asked for tells whether there is a next page."""
        return self.top + 1


async def read_document(request: web.Request, limit: int = MAX_DOCUMENT_BYTES) -> dict[str, Any]:
    """Return the body as a JSON object. Raises InvalidInputError, and BodyTooLargeError beyond `limit` bytes."""
    body = bytearray()
    try:
        async for chunk in request.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > limit:
                raise BodyTooLargeError(f"the body has more than {limit} bytes")
    except (web.RequestPayloadError, ConnectionError) as fault:
        raise MalformedBodyError("", "the body ends early, or is not encoded as its headers say") from fault
    return parse(bytes(body))


def read_page(request: web.Request) -> Page:
    """Return `$top` (1..100, default 100) and `$skip` (default 0). Raises InvalidInputError."""
    return Page(
        top=_number(request, "$top", default=MAX_TOP, least=1, most=MAX_TOP),
        skip=_number(request, "$skip", default=0, least=0, most=MAX_SKIP),
    )


def read_count(request: web.Request, *, default: int, most: int) -> int:
    """Return `count` (1..`most`). Raises InvalidInputError."""
    return _number(request, "count", default=default, least=1, most=most)


def next_link(request: web.Request, page: Page, found: int) -> str | None:
    """Return the address of the next page, everything of this request in it; None on the last one.

    Raises InvalidInputError when the request does not say by which address it came.
    """
    if found <= page.top:
        return None
    query = {**request.query, "$top": str(page.top), "$skip": str(page.skip + page.top)}
    try:
        return str(request.url.with_query(query))
    except ValueError as fault:
        raise InvalidInputError("Host", f"{request.host!r} is no host and port") from fault


def _number(request: web.Request, name: str, *, default: int, least: int, most: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise InvalidInputError(name, f"{text!r} is not a number from {least} to {most}")
    return int(text)
