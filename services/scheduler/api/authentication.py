"""Proves who makes a request, before any handler sees it; what browsers were tricked into is refused as well."""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlencode, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from services.scheduler.access.proofs import NotProvenError, Proof, Reason
from services.scheduler.access.sessions import Session
from services.scheduler.api.callers import CALLER, SESSION, STANDING, Standing
from services.scheduler.api.cookies import cookie_of, set_cookie
from services.scheduler.api.ports import Services
from services.scheduler.api.requests import read_field
from services.scheduler.api.throttle import Throttle, ThrottledError
from services.scheduler.domain.callers import ANYBODY
from services.scheduler.errors import ForeignRequestError, UnauthenticatedError
from shared.errors import LeewardError

SIGN_IN = "sign_in"
PORTAL_FILES = "portal_files"
PUBLIC = frozenset({SIGN_IN, PORTAL_FILES})
"""Names of the only resources that are for everybody; the router says which one a request is for, not its path."""
PAGES = "portal"
"""What the names of the portal's pages begin with: they send browsers without a session to sign-in, and back."""
FORM_TOKEN = "csrf"  # noqa: S105 - a field's name
FORM_TOKEN_HEADER = "x-leeward-csrf"  # noqa: S105 - a header's name
FAILURES = 60
"""Wrong credentials that one address may send in FAILURE_SECONDS; right ones pass always."""
FAILURE_SECONDS = 60.0
_BEARER = "bearer "
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
_NETWORK_BITS = 64
"""Of an IPv6 address: who has one, has all of its network."""


class Porter:
    """Finds the caller of each request."""

    def __init__(self, services: Services) -> None:
        self.access = services.access
        self._failures = Throttle(services.clock, size=FAILURES, seconds=FAILURE_SECONDS)

    async def let_in(self, request: web.Request) -> None:
        """Put the caller on a request. Raises UnauthenticatedError, ForeignRequestError and ThrottledError."""
        with self._counted():
            await self._let_in(request)

    async def sign_in(self, request: web.Request, token: str) -> Session:
        """Return a new session for the bearer of a token that a page of ours sent. Raises as `let_in` does."""
        with self._counted():
            if not is_own_page(request, when_untold=False):
                raise ForeignRequestError("a page of another site may not sign anybody in here")
            return self.access.sessions.begin(await self._prove(token, request))

    def keep_session(self, request: web.Request, response: web.StreamResponse) -> None:
        """Write the cookie anew from time to time while its session is used; streams are under way already."""
        session, sessions = request.get(SESSION), self.access.sessions
        if session is None or response.prepared or sessions.has_ended(session):
            return
        if (renewed := sessions.renewed(session)) is not None:
            set_cookie(request, response, sessions.seal(renewed))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except LeewardError as fault:
            self.access.refused(_reason(fault))
            raise

    async def _prove(self, token: str, request: web.Request) -> Proof:
        """Return who stands behind a credential. Raises NotProvenError, and ThrottledError after too many wrong ones.

        Every one is judged, whatever came before: nobody locks others out who share an address.
        """
        try:
            return await self.access.prove(token)
        except NotProvenError:
            self._failures.take(address_of(request))
            raise

    async def _let_in(self, request: web.Request) -> None:
        if self.access.is_open:
            refuse_foreign(request, self.access.is_ours)
            request[CALLER] = ANYBODY
            return
        if is_public(request):
            return
        header = request.headers.get("Authorization")
        if header is not None:
            self._stand_for(request, await self._prove(_bearer(header), request))
        elif (cookie := cookie_of(request)) is not None:
            session, proof = self.access.resume(cookie)
            await check_form(request, session)
            self._stand_for(request, proof, session)
        else:
            raise UnauthenticatedError("this takes a token: send the header Authorization: Bearer TOKEN")

    def _stand_for(self, request: web.Request, proof: Proof, session: Session | None = None) -> None:
        access = self.access

        def stands() -> bool:
            return access.stands(proof) and (session is None or not access.sessions.has_ended(session))

        request[CALLER] = proof.caller
        request[STANDING] = Standing(stands)
        if session is not None:
            request[SESSION] = session


PORTER = web.AppKey("porter", Porter)


def authentication(porter: Porter) -> Middleware:
    """Return the middleware that lets nobody in whose identity is not proven."""

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            await porter.let_in(request)
        except UnauthenticatedError:
            if is_page(request) and "HX-Request" not in request.headers:
                raise web.HTTPSeeOther(_way_in(request)) from None
            raise
        response = await handler(request)
        porter.keep_session(request, response)
        return response

    return authenticate


async def keep_private(request: web.Request, response: web.StreamResponse) -> None:
    """Let no cache keep what a caller was shown (an `on_response_prepare` signal)."""
    if STANDING in request:
        response.headers.setdefault("Cache-Control", "no-store")


def is_public(request: web.Request) -> bool:
    """Whether everybody may have this: the way in, and what its page is made of."""
    return _name(request) in PUBLIC


def is_page(request: web.Request) -> bool:
    """Whether this asks for a page of the portal."""
    name = _name(request) or ""
    return name == PAGES or name.startswith(f"{PAGES}.")


def _way_in(request: web.Request) -> str:
    """Return where to sign in, from the page that was asked for, and how to come back to it."""
    address = request.rel_url.raw_path_qs.removeprefix("/")
    way = f"{'../' * (request.rel_url.raw_path.count('/') - 1)}sign-in"
    return f"{way}?{urlencode({'onward': address})}" if address else way


def address_of(request: web.Request) -> str:
    """Return where a request comes from, as far as limits go by it."""
    remote = request.remote or ""
    try:
        address = ip_address(remote)
    except ValueError:
        return remote
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((int(address), _NETWORK_BITS), strict=False))
    return remote


def refuse_foreign(request: web.Request, is_ours: Callable[[str], bool]) -> None:
    """Refuse what a page of another site had a browser of this machine send. Raises ForeignRequestError.

    For a scheduler that asks nobody who he is. Programs send neither Origin nor Sec-Fetch-Site and are let through.
    """
    if not is_ours(_host(request.host)):
        raise ForeignRequestError(
            "this scheduler asks for no authentication and answers on this machine's own addresses only: "
            "use 127.0.0.1 or localhost, or set LEEWARD_TOKENS_FILE"
        )
    if request.method not in _READS and not is_own_page(request, when_untold=True):
        raise ForeignRequestError("a page of another site may not change anything here")


def is_own_page(request: web.Request, *, when_untold: bool) -> bool:
    """Whether a browser sent this for a page of ours; `when_untold` is the answer where no header tells it.

    Sec-Fetch-Site is the browser's own judgement. Origin is compared with the address that the request came by.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in _OWN_SITES
    origin = request.headers.get("Origin")
    if origin is None:
        return when_untold
    try:
        return urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:
        return False


async def check_form(request: web.Request, session: Session) -> None:
    """Refuse a change that came with a cookie but not from a page of the session's. Raises ForeignRequestError."""
    if request.method in _READS:
        return
    sent = request.headers.get(FORM_TOKEN_HEADER)
    if sent is None:
        sent = await read_field(request, FORM_TOKEN)
    if not is_own_page(request, when_untold=False) or not _same(sent, session.form_token):
        raise ForeignRequestError("this change did not come from a page of the session; sign in again and repeat it")


def _reason(fault: LeewardError) -> Reason:
    match fault:
        case NotProvenError():
            return fault.reason
        case ForeignRequestError():
            return Reason.FOREIGN
        case ThrottledError():
            return Reason.TOO_MANY
        case _:
            return Reason.MISSING


def _same(sent: str | None, own: str) -> bool:
    return sent is not None and hmac.compare_digest(sent.encode(errors="surrogateescape"), own.encode())


def _bearer(header: str) -> str:
    if header[: len(_BEARER)].lower() != _BEARER:
        raise NotProvenError(Reason.MALFORMED)
    return header[len(_BEARER) :].strip()


def _name(request: web.Request) -> str | None:
    resource = request.match_info.route.resource
    return None if resource is None else resource.name


def _host(text: str) -> str:
    """Return the host of a Host header, nothing for one that is none."""
    try:
        return urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""
