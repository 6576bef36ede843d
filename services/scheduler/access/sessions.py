"""Sessions of the portal: sealed into the cookie by keys that all replicas have, so that no store has to keep them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.scheduler.access.proofs import Kind, NotProvenError, Proof, Reason
from services.scheduler.domain.callers import Caller
from shared.clock import Clock
from shared.keyfile import SealingKey, sealing_key

LENGTH = timedelta(hours=12)
"""No session is longer, however busy."""
IDLE = timedelta(hours=1)
RENEWED_AFTER = timedelta(minutes=5)
"""A cookie is written anew when it has not been for so long."""
MOST_CHARACTERS = 3800
"""Browsers keep 4,096 for a cookie with its name and attributes."""
_MOST_ENDED = 10_000
_NONCE_BYTES = 12

Keys = Callable[[], Sequence[SealingKey]]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What a cookie holds. `caller` is none where the tokens file says at each request who it is."""

    id: str
    kind: Kind
    credential: str
    form_token: str
    seen_at: datetime
    ends_at: datetime
    caller: Caller | None = None

    @property
    def expires_at(self) -> datetime:
        """When it ends if nobody comes back."""
        return min(self.ends_at, self.seen_at + IDLE)


class Sessions:
    """Begins, reads and ends sessions. Sign-out holds on this replica at once; elsewhere a kept cookie ages out."""

    def __init__(self, keys: Keys, clock: Clock, *, random: Callable[[int], bytes], purpose: str) -> None:
        """Seal by a key made from `keys`; without any by one of this process, which no other replica knows.

        What was sealed for another `purpose` does not open.
        """
        self._keys = keys
        self._own = SealingKey(id="own", secret=random(32))
        self._clock = clock
        self._random = random
        self._purpose = purpose.encode()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def begin(self, proof: Proof) -> Session:
        """Return a new session for a caller who has just proven who it is."""
        now = self._clock.now()
        ends_at = now + LENGTH
        return Session(
            id=self._random(32).hex(),
            kind=proof.kind,
            credential=proof.credential,
            form_token=self._random(32).hex(),
            seen_at=now,
            ends_at=ends_at if proof.ends_at is None else min(ends_at, proof.ends_at),
            caller=proof.caller if proof.kind is Kind.OIDC else None,
        )

    def seal(self, session: Session) -> str:
        """Return the cookie of a session. Raises ValueError when no browser would keep one so long."""
        key = sealing_key(self._present(), self._clock.now())
        nonce = self._random(_NONCE_BYTES)
        box = self._cipher(key).encrypt(nonce, msgspec.json.encode(session), key.id.encode())
        cookie = f"{key.id}.{urlsafe_b64encode(nonce + box).decode().rstrip('=')}"
        if len(cookie) > MOST_CHARACTERS:
            raise ValueError(f"the session has more than {MOST_CHARACTERS} characters")
        return cookie

    def open(self, cookie: str) -> Session:
        """Return the session of a cookie. Raises NotProvenError when it is none of ours, or over."""
        session = self._read(cookie)
        if self.has_ended(session) or session.expires_at <= self._clock.now():
            raise NotProvenError(Reason.SESSION)
        return session

    def renewed(self, session: Session) -> Session | None:
        """Return the session as seen now, None while its cookie is fresh enough."""
        now = self._clock.now()
        return msgspec.structs.replace(session, seen_at=now) if now - session.seen_at >= RENEWED_AFTER else None

    def has_ended(self, session: Session) -> bool:
        """Whether somebody has signed out of it here."""
        return session.id in self._ended

    def end(self, session: Session) -> None:
        """Let nobody use a session any more, whoever kept its cookie."""
        self._ended[session.id] = None
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    def _present(self) -> Sequence[SealingKey]:
        return tuple(self._keys()) or (self._own,)

    def _read(self, cookie: str) -> Session:
        key_id, _, text = cookie.rpartition(".")
        key = next((key for key in self._present() if key.id == key_id), None)
        if key is None or len(cookie) > MOST_CHARACTERS:
            raise NotProvenError(Reason.SESSION)
        try:
            box = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            plain = self._cipher(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], key.id.encode())
            return msgspec.json.decode(plain, type=Session)
        except (InvalidTag, ValueError):
            raise NotProvenError(Reason.SESSION) from None

    def _cipher(self, key: SealingKey) -> AESGCM:
        """Return a cipher for this purpose: what seals jobs' secrets opens no session, and the other way round."""
        return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=self._purpose).derive(key.secret))
