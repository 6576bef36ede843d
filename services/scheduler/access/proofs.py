"""What authentication finds out: who calls, by what credential, or why it was refused."""

from datetime import datetime
from enum import StrEnum

import msgspec

from services.scheduler.domain.callers import Caller
from services.scheduler.errors import UnauthenticatedError


class Kind(StrEnum):
    """What proved a caller's identity."""

    TOKEN = "token"  # noqa: S105 - a word, no token
    OIDC = "oidc"
    SESSION = "session"


class Reason(StrEnum):
    """Why a request was refused: for metrics and logs only, callers never learn it."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    MALFORMED = "malformed"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    ROLE = "role"
    SESSION = "session"
    ISSUER_AWAY = "issuer_away"
    TOO_MANY = "too_many"
    FOREIGN = "foreign"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A caller with the credential that stands for it; `credential` is the SHA-256 of the token, in hex."""

    caller: Caller
    kind: Kind
    credential: str
    ends_at: datetime | None = None


class NotProvenError(UnauthenticatedError):
    """A credential that proves nothing; what callers are told does not depend on `reason`."""

    def __init__(self, reason: Reason) -> None:
        """Keep the reason for the metrics."""
        super().__init__("the credential is not accepted: it may be wrong, expired or removed")
        self.reason = reason
