"""What a call shows of who makes it: a password, a token, a certificate, keys to sign with."""

import base64
import json
import ssl
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import msgspec

from services.scheduler.dispatch.actions.client_certificates import ClientCertificates
from services.scheduler.dispatch.actions.delivery import UndeliveredError
from services.scheduler.dispatch.actions.oauth import Token, Tokens
from services.scheduler.dispatch.actions.opening import open_secret
from services.scheduler.domain.actions import BasicAuthentication, ClientCertificate, HttpCall, OAuthClient
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.secrets import Secret, SecretKeeper
from shared.signing import read_signing_keys

MASK = "***"
_SHORTEST = 4
"""Characters of the shortest secret that is masked: a shorter one would be told by what is missing."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What one call shows. `hidden` is what is not to be told again, in every spelling that is masked."""

    headers: dict[str, str] = {}
    tls: ssl.SSLContext | None = None
    signing: tuple[bytes, ...] = ()
    token: Token | None = None
    hidden: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the form for logs and debuggers, which shows nothing of it."""
        return f"Shown({MASK})"

    def masked(self, text: str) -> str:
        """Return a text without what this call showed, should a target repeat it."""
        for secret in self.hidden:
            text = text.replace(secret, MASK)
        return text


NOTHING = Shown()


class Credentials:
    """Opens what a call needs, right before it is made."""

    def __init__(self, secrets: SecretKeeper, certificates: ClientCertificates, tokens: Tokens) -> None:
        self._secrets = secrets
        self._certificates = certificates
        self._tokens = tokens

    async def of(self, call: HttpCall, job: Job, occurrence: Occurrence, *, refused: Token | None = None) -> Shown:
        """Return what a call shows; with OAuth another token than `refused`.

        Raises UndeliveredError when there is no token, or a secret is none of its kind; SecretUnavailableError and
        SecretRefusedError as they come from the keeper.
        """

        def opened(secret: Secret, name: str) -> str:
            return open_secret(self._secrets, secret, name, call, job, occurrence)

        try:
            shown = await self._identity(call, job, opened, refused)
            if call.signing is None:
                return shown
            return msgspec.structs.replace(shown, signing=_signing(opened(call.signing, "webhookSecret")))
        except ValueError as fault:
            raise UndeliveredError(str(fault), retryable=False) from None

    async def close(self) -> None:
        """End what is under way."""
        await self._tokens.close()

    async def _identity(
        self, call: HttpCall, job: Job, opened: Callable[[Secret, str], str], refused: Token | None
    ) -> Shown:
        match call.authentication:
            case BasicAuthentication(username=name, password=password):
                return _basic(name, opened(password, "authentication.password"))
            case ClientCertificate(pfx=pfx, password=password):
                if not call.uri.lower().startswith("https:"):
                    raise ValueError("a client certificate is shown over https only")
                text = opened(pfx, "authentication.pfx")
                locked = opened(password, "authentication.password") if password is not None else None
                return Shown(tls=await self._certificates.context(text, locked, job.collection_id))
            case OAuthClient(secret=secret) as client:
                text = opened(secret, "authentication.secret")
                token = await self._tokens.token(client, text, refused=refused)
                fields = {"authorization": f"Bearer {token.text}"}
                return Shown(headers=fields, token=token, hidden=spellings(token.text, text))
            case _:
                return NOTHING


def spellings(*secrets: str) -> tuple[str, ...]:
    """Return how targets may repeat secrets: as they are, quoted, as part of an address, in base64; longest first."""
    found: set[str] = set()
    for secret in secrets:
        encoded = [base64.b64encode(secret.encode()).decode().rstrip("="), *_within_base64(secret)]
        url_safe = [text.translate({ord("+"): "-", ord("/"): "_"}) for text in encoded]
        quoted = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret.encode())[2:-1])
        addressed = (quote(secret, safe=""), quote_plus(secret))
        found.update((secret, *quoted, *addressed, *encoded, *url_safe))
    return tuple(sorted((text for text in found if len(text) >= _SHORTEST), key=len, reverse=True))


def _within_base64(secret: str) -> Iterator[str]:
    """Yield what of a secret is the same in base64 wherever in a longer text it begins."""
    for shift, mixed in enumerate((0, 2, 3)):
        text = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        yield text[mixed:-4]


def _basic(name: str, password: str) -> Shown:
    """RFC 7617, in UTF-8 (§2.1)."""
    if ":" in name:
        raise ValueError("a user name for Basic authentication may not hold ':'")
    credentials = base64.b64encode(f"{name}:{password}".encode()).decode()
    return Shown(headers={"authorization": f"Basic {credentials}"}, hidden=spellings(credentials, password))


def _signing(text: str) -> tuple[bytes, ...]:
    try:
        return read_signing_keys(text)
    except ValueError as fault:
        raise ValueError(f"the webhook secret {fault}") from None
