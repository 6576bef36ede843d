"""A real OIDC issuer on a loopback port: discovery, keys that rotate, tokens of every kind, right and wrong."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import jwt
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

AUDIENCE = "api://leeward"
_NEW_KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: new_rsa_key(65537, 2048),
    "PS256": lambda: new_rsa_key(65537, 2048),
    "ES256": lambda: new_ec_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}


class Issuer:
    """Signs tokens; `documents` are its public keys, `is_away` lets it answer errors."""

    def __init__(self, now: datetime) -> None:
        """Tokens are valid from `now` on for an hour."""
        self._now = now
        self._keys: dict[str, tuple[str, Any]] = {}
        self._server: TestServer
        self.documents: list[dict[str, Any]] = []
        self.is_away = False
        self.asked = 0
        self.named: str | None = None

    @property
    def url(self) -> str:
        """Its name, and where it is."""
        return str(self._server.make_url("")).rstrip("/")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Issuer"]:
        """Serve discovery and keys."""
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discover)
        app.router.add_get("/keys", self._show)
        self._server = TestServer(app, host="127.0.0.1")
        async with self._server:
            yield self

    def add_key(self, key_id: str, algorithm: str = "ES256", **more: Any) -> None:
        """Have and show a key; `more` stands in its document."""
        key = _NEW_KEYS[algorithm]()
        self._keys[key_id] = (algorithm, key)
        shown = msgspec.json.decode(get_default_algorithms()[algorithm].to_jwk(key.public_key()), type=dict[str, Any])
        self.documents.append({**shown, "kid": key_id, "use": "sig", **more})

    def withdraw(self, key_id: str) -> None:
        """Show a key no more."""
        self.documents = [document for document in self.documents if document["kid"] != key_id]

    def public_pem(self, key_id: str) -> bytes:
        """Return a public key as text, which careless programs take for a shared secret."""
        pem: bytes = self._keys[key_id][1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of an operator, with `changes`; None takes one away."""
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "7f3a",
            "exp": self._now + timedelta(hours=1),
            "iat": self._now,
            "nbf": self._now,
            "roles": ["leeward-operator"],
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key_id: str, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """Return a token that a key signed."""
        algorithm, key = self._keys[key_id]
        return jwt.encode(self.claims(**changes), key, algorithm, headers={"kid": key_id, **(headers or {})})

    async def _discover(self, _request: web.Request) -> web.Response:
        self.asked += 1
        if self.is_away:
            raise web.HTTPBadGateway
        return web.json_response({"issuer": self.named or self.url, "jwks_uri": f"{self.url}/keys"})

    async def _show(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": self.documents})
