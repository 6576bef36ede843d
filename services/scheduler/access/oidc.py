"""Bearer tokens of an OIDC issuer: signature, issuer, audience and times judged, roles read from a claim."""

import math
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Any

import jwt
import msgspec

from services.scheduler.access.claims import caller_of_claims
from services.scheduler.access.issuer import Issuer
from services.scheduler.access.proofs import Kind, NotProvenError, Proof, Reason
from services.scheduler.domain.collections import Namespace
from shared.clock import EPOCH, Clock
from shared.logs import get_logger
from shared.tokens import digest_of

_log = get_logger(__name__)

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Signatures that nobody but the issuer can make: no `none`, and none whose key is public (RFC 8725 §3.1)."""
LEEWAY = timedelta(seconds=30)
MOST_CHARACTERS = 16_384
REMEMBERED = timedelta(seconds=60)
"""How long a judged token is taken at its word: a key that the issuer has withdrawn counts no longer than that."""
MOST_REMEMBERED = 10_000
_CHECKS: Any = {
    "require": ["exp", "iss", "aud", "sub"],
    # Times are judged by the scheduler's clock, below.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


class OidcRules(msgspec.Struct, frozen=True, kw_only=True):
    """Whom tokens must be for, and where they say what their bearer may do."""

    audiences: tuple[str, ...]
    roles_claim: str
    home: Namespace


class _Judged(msgspec.Struct, frozen=True):
    proof: Proof
    until: datetime


class OidcTokens:
    """Judges tokens of one issuer."""

    def __init__(self, issuer: Issuer, rules: OidcRules, clock: Clock) -> None:
        self._issuer = issuer
        self._rules = rules
        self._clock = clock
        self._judged: OrderedDict[str, _Judged] = OrderedDict()

    def remembered(self, digest: str) -> Proof | None:
        """Return the proof of a token that was judged a moment ago, at no cost."""
        judged = self._judged.get(digest)
        return judged.proof if judged is not None and self._clock.now() < judged.until else None

    async def prove(self, token: str) -> Proof:
        """Return who stands behind a token. Raises NotProvenError."""
        header = _header(token)
        key = await self._issuer.key(header.get("kid"), header["alg"])
        if key is None:
            raise NotProvenError(Reason.SIGNATURE if self._issuer.is_known else Reason.ISSUER_AWAY)
        claims = self._verified(token, key.key, header["alg"])
        ends_at = self._end(claims)
        caller = caller_of_claims(claims, self._rules.roles_claim, self._rules.home)
        if caller is None:
            _log.info("token of the OIDC issuer names no role here", claim=self._rules.roles_claim)
            raise NotProvenError(Reason.ROLE)
        proof = Proof(caller=caller, kind=Kind.OIDC, credential=digest_of(token), ends_at=ends_at)
        self._remember(proof, ends_at)
        return proof

    def _verified(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._rules.audiences,
                issuer=self._issuer.url,
                options=_CHECKS,
            )
        except (jwt.DecodeError, jwt.InvalidKeyError):
            raise NotProvenError(Reason.SIGNATURE) from None
        except (jwt.PyJWTError, TypeError, ValueError):
            raise NotProvenError(Reason.CLAIMS) from None

    def _end(self, claims: dict[str, Any]) -> datetime:
        """Return when a token ends, leeway included, or refuse one outside of its time."""
        now = self._clock.now()
        ends_at = _instant(claims["exp"]) + LEEWAY
        if ends_at <= now:
            raise NotProvenError(Reason.EXPIRED)
        if "nbf" in claims and _instant(claims["nbf"]) - LEEWAY > now:
            raise NotProvenError(Reason.EXPIRED)
        return ends_at

    def _remember(self, proof: Proof, ends_at: datetime) -> None:
        self._judged.pop(proof.credential, None)
        self._judged[proof.credential] = _Judged(proof, min(ends_at, self._clock.now() + REMEMBERED))
        if len(self._judged) > MOST_REMEMBERED:
            self._judged.popitem(last=False)


def looks_like_jwt(token: str) -> bool:
    """Whether a credential has the form of a signed JWT at all."""
    return token.count(".") == 2 and token.isascii() and len(token) <= MOST_CHARACTERS


def _header(token: str) -> dict[str, Any]:
    """Return a token's header if it is one that can be judged; nothing in it is believed yet."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError):
        raise NotProvenError(Reason.MALFORMED) from None
    if header.get("alg") not in ALGORITHMS or "crit" in header:
        raise NotProvenError(Reason.MALFORMED)
    return header


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise NotProvenError(Reason.CLAIMS)
    try:
        return EPOCH + timedelta(seconds=value)
    except OverflowError:
        raise NotProvenError(Reason.CLAIMS) from None
