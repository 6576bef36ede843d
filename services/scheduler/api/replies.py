"""Replies with a JSON body."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from services.scheduler.api.requests import Page, next_link
from services.scheduler.api.schemas.values import Document, encoder

_ENCODER = encoder()


def reply(document: Document | dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Return a reply with a document."""
    return web.Response(body=_ENCODER.encode(document), status=status, content_type="application/json")


def written(document: Document, *, created: bool) -> web.Response:
    """Return the reply to a PUT: 201 for what is new, 200 for what was replaced."""
    return reply(document, HTTPStatus.CREATED if created else HTTPStatus.OK)


def done() -> web.Response:
    """Return the reply that says no more than that it was done: 200, empty (reference azure-scheduler §0.5)."""
    return web.Response(status=HTTPStatus.OK)


def page_reply(request: web.Request, page: Page, documents: Sequence[Document]) -> web.Response:
    """Return one page of a list; `documents` may hold one more than the page, the sign that there is a next one."""
    return reply({"value": list(documents[: page.top]), "nextLink": next_link(request, page, len(documents))})
