"""The cookie of the portal's session: for this host only, out of scripts' reach, sent by our own pages only."""

from typing import Final

from aiohttp import web

PLAIN: Final = "leeward-session"
SECURE: Final = "__Host-leeward-session"
"""A browser takes this name from https alone, for the whole host, and from nobody else of the domain."""


def cookie_of(request: web.Request) -> str | None:
    """Return what the session's cookie holds; over TLS nothing but the secure one counts."""
    secure = request.cookies.get(SECURE)
    return secure if secure is not None or request.secure else request.cookies.get(PLAIN)


def set_cookie(request: web.Request, response: web.StreamResponse, value: str) -> None:
    """Give the browser the session's cookie; it forgets it when it is closed."""
    secure = is_secure(request)
    response.set_cookie(SECURE if secure else PLAIN, value, path="/", secure=secure, httponly=True, samesite="Strict")


def clear_cookie(response: web.StreamResponse) -> None:
    """Have the browser forget the session."""
    response.del_cookie(PLAIN, path="/", httponly=True, samesite="Strict")
    response.del_cookie(SECURE, path="/", secure=True, httponly=True, samesite="Strict")


def is_secure(request: web.Request) -> bool:
    """Whether the browser speaks TLS, to us or to a proxy before us: its page's origin, or a cookie it has, tells."""
    return request.secure or request.headers.get("Origin", "").startswith("https://") or SECURE in request.cookies
