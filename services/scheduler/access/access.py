"""Proves who calls: the one thing that the API asks."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from services.scheduler.access.issuer import Issuer
from services.scheduler.access.oidc import OidcRules, OidcTokens, looks_like_jwt
from services.scheduler.access.proofs import Kind, NotProvenError, Proof, Reason
from services.scheduler.access.sessions import Keys, Session, Sessions
from services.scheduler.access.tokens import Tokens
from services.scheduler.domain.collections import Namespace
from services.scheduler.metrics import Metrics
from shared.addresses import is_loopback
from shared.clock import Clock
from shared.tokens import digest_of


class AccessRules(msgspec.Struct, frozen=True, kw_only=True):
    """Where callers' credentials are known from; neither file nor issuer means that nobody is asked for any."""

    home: Namespace
    tokens_file: Path | None = None
    issuer: str | None = None
    audiences: tuple[str, ...] = ()
    roles_claim: str = "roles"
    listen_host: str = "127.0.0.1"


class Access:
    """Judges credentials; counts what it finds."""

    def __init__(
        self,
        rules: AccessRules,
        clock: Clock,
        metrics: Metrics,
        *,
        session_keys: Keys,
        time: Callable[[], float],
    ) -> None:
        """Read the tokens file. Raises SettingsError when it is out of order."""
        self._rules = rules
        self._clock = clock
        self._metrics = metrics
        self._begin_counting()
        self._tokens = Tokens(rules.tokens_file, rules.home, clock, metrics) if rules.tokens_file else None
        self._issuer = Issuer(rules.issuer, metrics, time=time) if rules.issuer else None
        self._oidc = self._judge(clock)
        self.sessions = Sessions(session_keys, clock, random=os.urandom, purpose=_purpose(rules))

    def _begin_counting(self) -> None:
        """Have every kind and reason counted from 0, so that a first one shows as an increase."""
        for kind in Kind:
            self._metrics.authentications.labels(kind)
        for reason in Reason:
            self._metrics.authentication_failures.labels(reason)

    def _judge(self, clock: Clock) -> OidcTokens | None:
        if self._issuer is None:
            return None
        rules = OidcRules(audiences=self._rules.audiences, roles_claim=self._rules.roles_claim, home=self._rules.home)
        return OidcTokens(self._issuer, rules, clock)

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked who they are."""
        return self._tokens is None and self._oidc is None

    def is_ours(self, host: str) -> bool:
        """Whether a request may have come by this host name while nobody is asked: a loopback one, or the setting's.

        Any other is a name of somebody else's that leads here (DNS rebinding).
        """
        plain = host.rstrip(".").lower()
        return plain == self._rules.listen_host.lower() or plain.endswith(".localhost") or is_loopback(plain)

    async def prove(self, token: str) -> Proof:
        """Return who stands behind a token, of the file or of the issuer. Raises NotProvenError."""
        digest = digest_of(token)
        if (listed := self._of_file(digest)) is not None:
            return self._accepted(listed, Kind.TOKEN)
        if self._oidc is None or not looks_like_jwt(token):
            raise NotProvenError(Reason.UNKNOWN)
        return self._accepted(self._oidc.remembered(digest) or await self._oidc.prove(token), Kind.OIDC)

    def resume(self, cookie: str) -> tuple[Session, Proof]:
        """Return the session of a cookie and who it is of now. Raises NotProvenError."""
        session = self.sessions.open(cookie)
        proof = self._of_session(session)
        if proof is None:
            raise NotProvenError(Reason.SESSION)
        ends_at = min(session.expires_at, proof.ends_at or session.expires_at)
        return session, self._accepted(msgspec.structs.replace(proof, ends_at=ends_at), Kind.SESSION)

    def stands(self, proof: Proof) -> bool:
        """Whether a caller would still be let in as what it was: its token, role and scopes stand, its time lasts."""
        if proof.ends_at is not None and proof.ends_at <= self._clock.now():
            return False
        if proof.kind is Kind.OIDC:
            return self._oidc is not None
        try:
            found = self._of_file(proof.credential)
        except NotProvenError:
            return False
        return found is not None and found.caller == proof.caller

    def refused(self, reason: Reason) -> None:
        """Count a request that was not let in."""
        self._metrics.authentication_failures.labels(reason).inc()

    def throttled(self) -> None:
        """Count a request beyond its caller's rate."""
        self._metrics.requests_throttled.inc()

    async def look_at_tokens(self) -> None:
        """Take over a changed tokens file; run this more than once a second."""
        if self._tokens is not None:
            await self._tokens.look()

    async def look_at_issuer(self) -> None:
        """Fetch the issuer's keys when they are missing or old; run this every few seconds."""
        if self._issuer is not None:
            await self._issuer.look()

    def _of_file(self, digest: str) -> Proof | None:
        if self._tokens is None:
            return None
        try:
            return self._tokens.find(digest)
        except NotProvenError as fault:
            if fault.reason is Reason.UNKNOWN:
                return None
            raise

    def _of_session(self, session: Session) -> Proof | None:
        """Return who a session is of: as the file says now, or as the issuer said at its beginning."""
        if session.kind is Kind.TOKEN:
            return self._of_file(session.credential)
        if self._oidc is None or session.caller is None:
            return None
        return Proof(caller=session.caller, kind=Kind.OIDC, credential=session.credential)

    def _accepted(self, proof: Proof, kind: Kind) -> Proof:
        self._metrics.authentications.labels(kind).inc()
        return proof


def _purpose(rules: AccessRules) -> str:
    """Return what sessions are bound to: they end when another issuer, or another claim, decides who may call."""
    return " ".join(("leeward portal session", rules.issuer or "", *rules.audiences, rules.roles_claim))
