"""The signing keys of an OIDC issuer: found by its discovery document, kept, and fetched again when they change."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from services.scheduler.metrics import Metrics
from shared.addresses import is_confidential
from shared.errors import TransientError
from shared.logs import get_logger

MOST_BYTES = 256 * 1024
MOST_KEYS = 100
FRESH_SECONDS = 3600.0
"""Keys older than this are fetched again, so that one that the issuer has withdrawn is not believed for long."""
PAUSE_SECONDS = 10.0
"""Between two looks at the issuer, whoever sends keys that nobody knows."""
LEAST_RSA_BITS = 2048
_PUBLIC = ("kty", "n", "e", "crv", "x", "y")
_LIMIT = ClientTimeout(total=5)
_log = get_logger(__name__)


class SigningKey(msgspec.Struct, frozen=True):
    """One public key with the only algorithms that it may be used with, so that none is taken for another kind."""

    key_id: str | None
    algorithms: tuple[str, ...]
    key: Any


class IssuerError(TransientError):
    """The issuer cannot be reached, or what it says cannot be used."""


class Issuer:
    """One issuer's keys. While it is away those it had stay in use."""

    def __init__(self, url: str, metrics: Metrics, *, time: Callable[[], float]) -> None:
        """`time` goes up by the second."""
        self.url = url
        self._metrics = metrics
        metrics.issuer_up.set(0)
        self._time = time
        self._keys: tuple[SigningKey, ...] = ()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._asking = asyncio.Lock()

    @property
    def is_known(self) -> bool:
        """Whether there are keys to judge tokens by."""
        return self._fetched_at is not None

    async def key(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        """Return the key that a token names, for an algorithm that fits it; the issuer is asked for one not known."""
        found = self._find(key_id, algorithm)
        if found is None:
            await self._ask()
            found = self._find(key_id, algorithm)
        return found

    async def look(self) -> None:
        """Fetch the keys when there are none, or they are old; run this every few seconds."""
        if self._fetched_at is None or self._time() - self._fetched_at >= FRESH_SECONDS:
            await self._ask()

    def _find(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        fitting = [key for key in self._keys if algorithm in key.algorithms]
        if key_id is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.key_id == key_id), None)

    async def _ask(self) -> None:
        """Fetch the keys, not more often than each PAUSE_SECONDS however many ask."""
        async with self._asking:
            now = self._time()
            if self._tried_at is not None and now - self._tried_at < PAUSE_SECONDS:
                return
            self._tried_at = now
            try:
                self._keys = await self._fetch()
            except IssuerError as fault:
                self._metrics.issuer_up.set(0)
                _log.warning("OIDC issuer gives no keys", issuer=self.url, error=str(fault), keys=len(self._keys))
                return
            self._fetched_at = self._time()
            self._metrics.issuer_up.set(1)

    async def _fetch(self) -> tuple[SigningKey, ...]:
        async with ClientSession(timeout=_LIMIT, trust_env=False) as session:
            found = await _get(session, f"{self.url.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.url:
                raise IssuerError("its discovery document is of another issuer")
            address = found.get("jwks_uri")
            if not isinstance(address, str) or not is_confidential(address):
                raise IssuerError("its jwks_uri is no https address")
            keys = tuple(_usable((await _get(session, address)).get("keys")))
        if not keys:
            raise IssuerError("it has no keys of the algorithms that are accepted")
        return keys


async def _get(session: ClientSession, address: str) -> dict[str, Any]:
    try:
        async with session.get(address, allow_redirects=False) as reply:
            if reply.status != 200:
                raise IssuerError(f"{address} answers {reply.status}")
            body = bytearray()
            async for chunk in reply.content.iter_chunked(65_536):
                body += chunk
                if len(body) > MOST_BYTES:
                    raise IssuerError(f"{address} answers more than {MOST_BYTES} bytes")
            return msgspec.json.decode(bytes(body), type=dict[str, Any])
    except (ClientError, OSError, ValueError) as fault:
        raise IssuerError(f"{address}: {str(fault) or type(fault).__name__}") from fault


def _usable(documents: object) -> Iterator[SigningKey]:
    """Yield the keys for signatures of accepted algorithms; an issuer may have others, too."""
    for document in documents[:MOST_KEYS] if isinstance(documents, list) else ():
        if not isinstance(document, dict) or document.get("use", "sig") != "sig":
            continue
        algorithms = _algorithms(document)
        key_id = document.get("kid")
        if not algorithms or not isinstance(key_id, str | None):
            continue
        try:
            key = jwt.PyJWK({name: document[name] for name in _PUBLIC if name in document}, algorithms[0]).key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
            continue
        yield SigningKey(key_id, algorithms, key)


def _algorithms(document: dict[str, Any]) -> tuple[str, ...]:
    match document.get("kty"), document.get("crv"):
        case "RSA", _:
            kind: tuple[str, ...] = ("RS256", "PS256")
        case "EC", "P-256":
            kind = ("ES256",)
        case "OKP", "Ed25519":
            kind = ("EdDSA",)
        case _:
            kind = ()
    stated = document.get("alg")
    return kind if stated is None else tuple(name for name in kind if name == stated)
