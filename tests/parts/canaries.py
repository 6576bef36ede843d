"""Secrets that can be told wherever they turn up, and a target that repeats whatever it is told."""

import asyncio
import base64
import json
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from aiohttp import web

from tests.parts.certificates import Authority
from tests.parts.ports import free_port

Json = dict[str, Any]
_MASKING = 18
"""Characters of a canary that give it away."""


class Canaries:
    """Texts, each with the name of where it was planted."""

    def __init__(self) -> None:
        self._signs: dict[str, list[bytes]] = {}

    def plant(self, where: str) -> str:
        """Return a new text of letters and digits, so that it survives any quoting."""
        text = f"canary{uuid4().hex[:18]}"
        self.mark(where, text.encode())
        return text

    def mark(self, where: str, secret: bytes) -> None:
        """Look for the bytes of a secret, too: as they are, their beginning, in hex and in base64."""
        self._signs[where] = [secret, secret[:_MASKING], secret.hex().encode(), *_in_base64(secret)]

    def heard_in(self, content: bytes) -> list[str]:
        """Return where the canaries come from that are in this."""
        lower = content.lower()
        return [where for where, signs in self._signs.items() if any(_is_in(sign, content, lower) for sign in signs)]

    @property
    def places(self) -> list[str]:
        """Where they were planted."""
        return list(self._signs)


def _is_in(sign: bytes, content: bytes, lower: bytes) -> bool:
    return sign in content or sign in lower


def _in_base64(secret: bytes) -> list[bytes]:
    """Return what of a secret is the same in base64 wherever it begins, in both alphabets."""
    signs = []
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret)
        middle = text[(0, 2, 3)[shift] : len(text) // 4 * 4 - 4]
        signs += [middle, middle.translate(bytes.maketrans(b"+/", b"-_"))]
    return signs


class Parrot:
    """A target on loopback, over TLS too, that repeats each request in its answer, in header fields and body.

    A path with `ok` in it is answered with 200, a queue's with 201 if its account begins with `ok`, `/slow` never; all
    else fails.
    """

    def __init__(self, token: str) -> None:
        """`token` is the one given to OAuth clients of the tenant `ok`; all others hear their own words again."""
        self.port, self.tls_port = free_port(), free_port()
        self.authority = Authority()
        self.heard: list[web.BaseRequest] = []
        self._token = token
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        context = self.authority.certify("127.0.0.1").serving()
        await web.TCPSite(self._runner, "127.0.0.1", self.tls_port, ssl_context=context).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def passwords(self, path: str) -> list[str]:
        """Return who was heard at a path: `name:password` of Basic authentication."""
        fields = [one.headers.get("Authorization", "") for one in self.heard if one.path == path]
        return [base64.b64decode(field.removeprefix("Basic ")).decode() for field in fields]

    async def _answer(self, request: web.Request) -> web.Response:
        self.heard.append(request)
        said = f"{request.method} {request.path_qs}\n{dict(request.headers)}\n{await request.text()}"
        if request.path == "/slow":
            await asyncio.Event().wait()
        if request.path == "/ok/oauth2/token":
            return web.json_response({"access_token": self._token, "expires_in": 3600, "token_type": "Bearer"})
        if request.path.endswith("/oauth2/token"):
            return web.json_response({"error": "invalid_client", "error_description": said, "echo": said}, status=401)
        if request.path.endswith("/messages"):
            return _queue_answer(request, said)
        return _http_answer(request, said)


def _queue_answer(request: web.Request, said: str) -> web.Response:
    if request.path.startswith("/ok"):
        return web.Response(status=201)
    told = said.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
    body = f"<Error><Code>AuthenticationFailed</Code><Message>{told}</Message><Detail>{told}</Detail></Error>"
    return web.Response(status=403, text=body, content_type="application/xml")


def _http_answer(request: web.Request, said: str) -> web.Response:
    shown = request.headers.get("Authorization", "nothing")
    return web.Response(
        status=200 if "ok" in request.path else 500,
        text=f"{said}\n{json.dumps(shown)}\n{base64.b64encode(said.encode()).decode()}",
        headers={"X-Shown": shown, "WWW-Authenticate": shown},
        reason=shown,
    )
