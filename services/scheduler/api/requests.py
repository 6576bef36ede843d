"""What a request carries beside its path: the body and the page."""

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from services.scheduler.api.problems import BodyTooLargeError
from services.scheduler.api.schemas.strict import NUL, MalformedBodyError, parse
from services.scheduler.errors import InvalidInputError

MAX_DOCUMENT_BYTES = 256 * 1024
"""A job may have 16 kB; room for white space and for what a reply of ours repeats."""
MAX_BATCH_BYTES = 32 * 1024 * 1024
MAX_TOP = 100
MAX_SKIP = 2**31 - 1
BODY_SECONDS = 120.0
"""That a body may take to come: whoever waits for more holds memory, and the turns of others."""
_CHUNK = 65_536
_FORM = "application/x-www-form-urlencoded"


class Page(msgspec.Struct, frozen=True):
    """Which part of a list is asked for."""

    top: int
    skip: int

    @property
    def wanted(self) -> int:
        """How many rows to fetch: one more than asked for tells whether there is a next page."""
        return self.top + 1


async def read_document(
    request: web.Request, limit: int = MAX_DOCUMENT_BYTES, *, seconds: float = BODY_SECONDS
) -> dict[str, Any]:
    """Return the body as a JSON object. Raises InvalidInputError, and BodyTooLargeError beyond `limit` bytes."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_chunked(_CHUNK):
                body += chunk
                check_length(len(body), limit)
    except TimeoutError:
        raise MalformedBodyError("", f"the body took more than {seconds:g} s to come") from None
    except (web.RequestPayloadError, ConnectionError) as fault:
        raise MalformedBodyError("", "the body ends early, or is not encoded as its headers say") from fault
    return parse(bytes(body))


async def read_form(request: web.Request) -> dict[str, tuple[str, ...]]:
    """Return the fields of the form that a page sent, each with what was given for it; empty for another content type.

    Raises InvalidInputError for what is no form, or holds what no store can keep.
    """
    if request.content_type != _FORM:
        return {}
    try:
        async with asyncio.timeout(BODY_SECONDS):
            form = await request.post()
    except (web.RequestPayloadError, ConnectionError, TimeoutError, LookupError, ValueError) as fault:
        raise MalformedBodyError("", "the form ends early, or is not encoded as its headers say") from fault
    fields = {name: tuple(text for text in form.getall(name) if isinstance(text, str)) for name in form}
    for name, texts in fields.items():
        if any(NUL in text for text in texts):
            raise InvalidInputError(name, "holds a NUL character")
    return fields


async def read_field(request: web.Request, name: str) -> str | None:
    """Return a field of the form that a page sent, None without it. Raises InvalidInputError for what is no form."""
    return next(iter((await read_form(request)).get(name, ())), None)


def check_length(size: int, limit: int = MAX_DOCUMENT_BYTES) -> None:
    """Raise BodyTooLargeError for a body, or one job of a batch, of more than `limit` bytes."""
    if size > limit:
        raise BodyTooLargeError(f"more than {limit} bytes are too long")


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
