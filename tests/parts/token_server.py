"""A token authority as Azure AD is one, version 1, and a target that takes its tokens, both over HTTPS."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import jwt
import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from tests.parts.certificates import LOCAL, Authority

TENANT = "contoso.example"
AUDIENCE = "https://target.example/"
CLIENTS = {"client-1": "s3cret/with+signs&=", "client-2": "another secret"}


class Asked(msgspec.Struct, frozen=True):
    """One request for a token as it came."""

    tenant: str
    form: dict[str, str]
    headers: dict[str, str]


class TokenServer:
    """Gives tokens to CLIENTS while the gate is open; the target refuses `revoked` ones.

    `answer` replaces what the authority says; `came` is set once it was asked.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.told: list[str] = []
        self.revoked: set[str] = set()
        self.lifetime = timedelta(hours=1)
        self.answer: Callable[[], Awaitable[web.StreamResponse]] | None = None
        self.came = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.port = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._numbers = itertools.count(1)

    @property
    def authority(self) -> str:
        """The address before the tenant."""
        return f"https://localhost:{self.port}"

    @property
    def target(self) -> str:
        """An address that wants a token."""
        return f"https://localhost:{self.port}/target"

    def app(self) -> web.Application:
        """Return the routes of both."""
        app = web.Application()
        app.router.add_post("/{tenant}/oauth2/token", self._token)
        app.router.add_get("/target", self._target)
        return app

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        tenant = request.match_info["tenant"]
        self.asked.append(Asked(tenant, form, {name.lower(): value for name, value in request.headers.items()}))
        self.came.set()
        await self.gate.wait()
        if self.answer is not None:
            return await self.answer()
        if request.content_type != "application/x-www-form-urlencoded" or form["grant_type"] != "client_credentials":
            return refused("unsupported_grant_type", 70003)
        if CLIENTS.get(form["client_id"]) != form["client_secret"]:
            return refused("invalid_client", 7000215, status=401)
        return self._granted(form, tenant)

    def _granted(self, form: dict[str, str], tenant: str) -> web.Response:
        now = datetime.now(UTC)
        claims = {
            "jti": str(next(self._numbers)),
            "aud": form["resource"],
            "appid": form["client_id"],
            "tid": tenant,
            "nbf": now,
            "exp": now + max(self.lifetime, timedelta(minutes=1)),
        }
        token = jwt.encode(claims, self._key, algorithm="ES256")
        seconds = str(int(self.lifetime.total_seconds()))  # version 1 writes numbers as text
        return web.json_response({"token_type": "Bearer", "expires_in": seconds, "access_token": token})

    async def _target(self, request: web.Request) -> web.Response:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        self.told.append(token)
        try:
            claims = jwt.decode(token, self._key.public_key(), algorithms=["ES256"], audience=AUDIENCE)
        except jwt.InvalidTokenError as fault:
            return web.Response(status=401, text=f"{fault}: {token}")
        if kind != "Bearer" or claims["jti"] in self.revoked:
            return web.Response(status=401, text=f"revoked: {token}")
        return web.Response(text=f"hello {claims['appid']} with {claims['jti']}")


def refused(code: str, number: int, *, status: int = 400) -> web.Response:
    """Return an error as Azure AD words them, with more in it than anybody should repeat."""
    description = f"AADSTS{number}: something about 's3cret/with+signs&='. Trace ID: 1f1c3a8e-0000"
    return web.json_response({"error": code, "error_description": description, "error_codes": [number]}, status=status)


@asynccontextmanager
async def token_server(authority: Authority) -> AsyncIterator[TokenServer]:
    """Give a server whose certificate comes from an authority."""
    server = TokenServer()
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    tls = authority.certify("localhost", *LOCAL).serving()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    try:
        await site.start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        server.gate.set()
        await runner.cleanup()
