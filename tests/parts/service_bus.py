"""A stand-in for a Service Bus namespace over HTTPS, which checks signatures as the real one does."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote_plus

import msgspec
from aiohttp import web

from services.scheduler.domain.actions import BrokeredProperties
from tests.parts.certificates import LOCAL, Authority

KEY_NAME, KEY = "send-only", "c2VjcmV0IG9mIHRoZSB0ZXN0cw+/="
ENTITIES = frozenset({"orders", "topics/all"})
EVERY_PROPERTY = BrokeredProperties(
    content_type="application/json",
    correlation_id="c-1",
    force_persistence=True,
    label="grüße",
    message_id="m-1",
    partition_key="s",
    reply_to="answers",
    reply_to_session_id="rs",
    scheduled_enqueue_at=datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC),
    session_id="s",
    time_to_live=timedelta(minutes=2),
    to="somebody",
    via_partition_key="v",
)


class Taken(msgspec.Struct, frozen=True):
    """One message as it came."""

    entity: str
    body: str
    content_type: str
    broker: dict[str, Any]
    headers: dict[str, str]


class Refusal(msgspec.Struct, frozen=True):
    """What to answer instead of taking messages."""

    status: int
    detail: str = "something"
    retry_after: str | None = None


class Namespace:
    """Takes messages for ENTITIES from who signs with KEY."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.refusal: Refusal | None = None
        self.port = 0

    @property
    def endpoint(self) -> str:
        """Its address; each namespace is this one."""
        return f"https://localhost:{self.port}"

    def app(self) -> web.Application:
        """Return the one route there is."""
        app = web.Application()
        app.router.add_post("/{entity:.+}/messages", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        entity = request.match_info["entity"]
        why = self._fault(request.headers.get("Authorization", ""), f"{self.endpoint}/{entity}")
        if why:
            return _answer(Refusal(401, why))
        if self.refusal is not None:
            return _answer(self.refusal)
        if entity not in ENTITIES:
            return _answer(Refusal(404, "The requested resource could not be found. TrackingId:1"))
        self.taken.append(
            Taken(
                entity,
                await request.text(),
                request.headers["Content-Type"],
                json.loads(request.headers["BrokerProperties"]),
                dict(request.headers),
            )
        )
        return web.Response(status=201)

    def _fault(self, authorization: str, address: str) -> str:
        """Compute the signature anew; return what is wrong with it."""
        kind, _, token = authorization.partition(" ")
        fields = {name: values[0] for name, values in parse_qs(token).items()}
        if kind != "SharedAccessSignature" or set(fields) != {"sr", "sig", "se", "skn"}:
            return "MalformedToken: no token"
        signed = hmac.new(KEY.encode(), f"{quote_plus(fields['sr'])}\n{fields['se']}".encode(), hashlib.sha256)
        if base64.b64encode(signed.digest()).decode() != fields["sig"] or fields["skn"] != KEY_NAME:
            return "InvalidSignature: The token has an invalid signature."
        if int(fields["se"]) < datetime.now(UTC).timestamp():
            return "ExpiredToken: The token is expired."
        return "" if address.lower().startswith(fields["sr"].lower()) else "InvalidAudience: another address"


def _answer(refusal: Refusal) -> web.Response:
    headers = {"Retry-After": refusal.retry_after} if refusal.retry_after else {}
    text = f"<Error><Code>{refusal.status}</Code><Detail>{refusal.detail}</Detail></Error>"
    return web.Response(status=refusal.status, text=text, content_type="application/xml", headers=headers)


@asynccontextmanager
async def namespace(authority: Authority) -> AsyncIterator[Namespace]:
    """Give a namespace whose certificate comes from an authority."""
    server = Namespace()
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.certify("localhost", *LOCAL).serving())
    try:
        await site.start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()
