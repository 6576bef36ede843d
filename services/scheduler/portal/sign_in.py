"""Signing in and out of the page: a token once, then a session's cookie."""

import re
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from services.scheduler.api.authentication import PORTER
from services.scheduler.api.callers import session_of
from services.scheduler.api.cookies import clear_cookie, set_cookie
from services.scheduler.api.requests import read_field
from services.scheduler.api.throttle import ThrottledError
from services.scheduler.errors import UnauthenticatedError
from services.scheduler.portal.frame import lead_to

Render = Callable[[web.Request, str, HTTPStatus, str], web.Response]
_ONWARD = re.compile(r"portal/(?!static)[A-Za-z0-9._~%/?&=+,:-]{0,2000}")
"""A page of ours, relative to the first one: no link to sign-in can lead anywhere else."""
_DOT = re.compile("%2e", re.IGNORECASE)
"""Browsers take it for a dot, also where two of them lead upwards."""
_MOST_BYTES = 32 * 1024
_REFUSED = "This token is not accepted. It may be mistyped, expired or removed."
_TOO_MANY = "Too many wrong tokens came from your address. Wait a minute, then try again."
_TOO_LONG = "This token names more collections than a session can hold. Use one with fewer."


class SignIn:
    """The form for a token, and what it leads to: the page that was asked for, else the first one."""

    def __init__(self, render: Render) -> None:
        """`render` makes the form, with a sentence above it or none, and where it leads to."""
        self._render = render

    async def form(self, request: web.Request) -> web.Response:
        """Return the form."""
        return self._render(request, "", HTTPStatus.OK, _page_named(request.query.get("onward", "")))

    async def sign_in(self, request: web.Request) -> web.Response:
        """Begin a session for the bearer of the token that was sent, or say that it is not accepted."""
        porter = request.app[PORTER]
        token = await _token(request)
        onward = _page_named(await read_field(request, "onward") or "")
        try:
            session = await porter.sign_in(request, token)
        except UnauthenticatedError:
            return self._render(request, _REFUSED, HTTPStatus.UNAUTHORIZED, onward)
        except ThrottledError:
            return self._render(request, _TOO_MANY, HTTPStatus.TOO_MANY_REQUESTS, onward)
        try:
            cookie = porter.access.sessions.seal(session)
        except ValueError:
            return self._render(request, _TOO_LONG, HTTPStatus.BAD_REQUEST, onward)
        response = lead_to(onward or "./")
        set_cookie(request, response, cookie)
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session."""
        if (session := session_of(request)) is not None:
            request.app[PORTER].access.sessions.end(session)
        response = lead_to("sign-in")
        clear_cookie(response)
        return response


async def _token(request: web.Request) -> str:
    if (request.content_length or 0) > _MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(max_size=_MOST_BYTES, actual_size=request.content_length or 0)
    return (await read_field(request, "token") or "").strip()


def _page_named(place: str) -> str:
    """Return the place if it is a page of ours, else nothing."""
    plain = _DOT.sub(".", place)
    return place if _ONWARD.fullmatch(place) and ".." not in plain and "//" not in place else ""
