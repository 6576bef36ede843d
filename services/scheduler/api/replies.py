"""Replies with a JSON body, durations in the dialect of the caller."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from services.scheduler.api.requests import Page, next_link
from services.scheduler.api.schemas.values import Document, encoder
from shared.durations import format_timespan

_ISO = encoder()
_TIMESPAN = encoder(format_timespan)
_OLD_CLIENTS = ("azure-mgmt-scheduler/", "schedulermanagementclient", "azurepowershell")
_NEW_CLIENTS = "azsdk-"
_MSREST = "msrest/"


def speaks_timespan(user_agent: str, *, listed: bool = False) -> bool:
    """Whether this is one of Azure's old clients, which read hh:mm:ss only; all others read ISO 8601 (DESIGN §5).

    In lists the old Python clients read ISO 8601 too (measured with 2.0.0): their patch does not reach msrest's pages.
    """
    name = user_agent.lower()
    if _NEW_CLIENTS in name or (listed and _MSREST in name):
        return False
    return any(sign in name for sign in _OLD_CLIENTS)


def reply(
    request: web.Request,
    document: Document | dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
    *,
    listed: bool = False,
) -> web.Response:
    """Return a reply with a document; `listed`: it is a page of a list."""
    chosen = _TIMESPAN if speaks_timespan(request.headers.get("User-Agent", ""), listed=listed) else _ISO
    return web.Response(body=chosen.encode(document), status=status, content_type="application/json", charset="utf-8")


def written(request: web.Request, document: Document, *, created: bool) -> web.Response:
    """Return the reply to a PUT: 201 for what is new, 200 for what was replaced."""
    return reply(request, document, HTTPStatus.CREATED if created else HTTPStatus.OK)


def done() -> web.Response:
    """Return the reply that says no more than that it was done: 200, empty (reference azure-scheduler §0.5)."""
    return web.Response(status=HTTPStatus.OK)


def page_reply(request: web.Request, page: Page, documents: Sequence[Document]) -> web.Response:
    """Return one page of a list; `documents` may hold one more than the page, the sign that there is a next one."""
    link = next_link(request, page, len(documents))
    return reply(request, {"value": list(documents[: page.top]), "nextLink": link}, listed=True)
