"""Bearer tokens by client credentials from Azure AD (RFC 6749 §4.4), asked for once and kept while they are good."""

import asyncio
import hashlib
import re
from collections import OrderedDict
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from services.scheduler.dispatch.actions.delivery import UndeliveredError
from services.scheduler.dispatch.actions.exchange import Exchanges, Reply
from services.scheduler.dispatch.actions.faults import REQUEST_FAULTS, fault_of
from services.scheduler.dispatch.actions.retry_after import read_retry_after
from services.scheduler.domain.actions import OAuthClient
from shared.clock import Clock

KEPT = 1024
MARGIN = timedelta(minutes=5)
"""How long before its end a token is replaced, at most; a short-lived one earlier than a fifth of its life before."""
UNTOLD = timedelta(minutes=5)
"""How long a token is taken to be good whose authority does not say so."""
LONGEST = timedelta(days=1)
LIMIT_SECONDS = 30.0
"""How long the authority may take."""
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_CODE = re.compile(r"[a-z_]{1,40}")
_DETAIL = re.compile(r"AADSTS\d{4,9}")
_PASSING = frozenset({"server_error", "temporarily_unavailable"})


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it goes into the Authorization field; `is_kept`: it was got for an earlier call."""

    text: str
    replaced_at: datetime
    expires_at: datetime
    is_kept: bool = False

    def __repr__(self) -> str:
        """Return the form for logs and debuggers, without the token."""
        return f"Token(text=***, expires_at={self.expires_at})"


class _Granted(msgspec.Struct, frozen=True):
    """What an authority answers (RFC 6749 §5.1); version 1 of Azure AD writes numbers as text."""

    access_token: str
    expires_in: int | str | None = None

    def __repr__(self) -> str:
        """Return the form for logs and debuggers, without the token."""
        return f"_Granted(access_token=***, expires_in={self.expires_in})"


class _Refused(msgspec.Struct, frozen=True):
    """What it answers instead (RFC 6749 §5.2)."""

    error: str = ""
    error_description: str = ""


class Tokens:
    """The tokens of one authority; `close` ends what is under way."""

    def __init__(self, exchanges: Exchanges, authority: str, clock: Clock) -> None:
        """`authority`: the address before the tenant, such as https://login.microsoftonline.com."""
        self._exchanges = exchanges
        self._authority = authority.rstrip("/")
        self._clock = clock
        self._kept: OrderedDict[bytes, Token] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Token]] = {}

    async def close(self) -> None:
        """Stop asking."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def token(self, client: OAuthClient, secret: str, *, refused: Token | None = None) -> Token:
        """Return a token for a client's audience, another one than `refused`.

        Calls that need the same token wait for the same answer. Raises UndeliveredError when there is none.
        """
        key = _key(client, secret)
        kept = self._kept.get(key)
        now = self._clock.now()
        if kept is not None and refused is not None and kept.text == refused.text:
            kept = None
        if kept is not None and now < kept.replaced_at:
            self._kept.move_to_end(key)
            return msgspec.structs.replace(kept, is_kept=True)
        try:
            return await self._asked(key, client, secret)
        except UndeliveredError as fault:
            if kept is None or now >= kept.expires_at or not fault.retryable:
                raise
            return msgspec.structs.replace(kept, is_kept=True)  # the authority is away, and the token still good

    async def _asked(self, key: bytes, client: OAuthClient, secret: str) -> Token:
        """Ask, or wait for the answer that another call waits for: it does not end with that call's time."""
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._get(key, client, secret), name="token")
            self._asking[key] = task
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    def _end(self, key: bytes, task: asyncio.Task[Token]) -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # somebody has looked at it, even if all who waited are gone

    async def _get(self, key: bytes, client: OAuthClient, secret: str) -> Token:
        token = self._read(await self._reply(client, secret))
        self._kept[key] = token
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return token

    async def _reply(self, client: OAuthClient, secret: str) -> Reply:
        form = {
            "grant_type": "client_credentials",
            "client_id": client.client_id,
            "client_secret": secret,
            "resource": client.audience,
        }
        fields = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                return await self._exchanges.ask("POST", self._address(client), fields, urlencode(form).encode())
        except TimeoutError as error:
            raise self._no_token(f"no answer within {LIMIT_SECONDS:g} s") from error
        except REQUEST_FAULTS as error:
            fault = fault_of(error)
            raise self._no_token(fault.why, retryable=fault.retryable) from error

    def _address(self, client: OAuthClient) -> str:
        """Return where version 1 gives tokens: as Azure Scheduler did, which knew an audience and no scopes."""
        if not client.tenant.strip("."):
            raise ValueError("the tenant has no name")
        return f"{self._authority}/{quote(client.tenant, safe='')}/oauth2/token"

    def _read(self, reply: Reply) -> Token:
        """Return the token in an answer. Nothing else of it is told: an authority may repeat what it was sent."""
        if not 200 <= reply.status < 300:
            raise self._refused(reply)
        try:
            granted = msgspec.json.decode(reply.body, type=_Granted)
            life = UNTOLD if granted.expires_in is None else timedelta(seconds=float(granted.expires_in))
        except (msgspec.MsgspecError, ValueError, OverflowError):
            raise self._no_token("the answer is no token") from None
        if not _BEARER.fullmatch(granted.access_token):
            raise self._no_token("the answer is no bearer token")
        life = min(max(life, timedelta(0)), LONGEST)
        now = self._clock.now()
        return Token(text=granted.access_token, replaced_at=now + life - min(MARGIN, life / 5), expires_at=now + life)

    def _refused(self, reply: Reply) -> UndeliveredError:
        """Only error codes are told. What the authority has understood and refused stays refused (RFC 6749 §5.2)."""
        try:
            refused = msgspec.json.decode(reply.body, type=_Refused)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            refused = _Refused()
        detail = _DETAIL.search(refused.error_description)
        code = refused.error if _CODE.fullmatch(refused.error) else "no error code"
        passing = reply.status in (408, 429) or reply.status >= 500 or code in _PASSING
        return self._no_token(
            f"{code}{f' ({detail[0]})' if detail else ''}, status {reply.status}",
            retryable=passing,
            retry_after=read_retry_after(reply.headers.get("Retry-After"), self._clock.now()) if passing else None,
        )

    def _no_token(self, why: str, *, retryable: bool = True, retry_after: timedelta | None = None) -> UndeliveredError:
        host = urlsplit(self._authority).hostname
        return UndeliveredError(f"no token from '{host}': {why}", retryable=retryable, retry_after=retry_after)


def _key(client: OAuthClient, secret: str) -> bytes:
    """Return what tokens are kept by; the secret itself is not kept."""
    named = msgspec.json.encode([client.tenant, client.client_id, client.audience, secret])
    return hashlib.sha256(named).digest()
