"""PKCS #12 files as callers give them: a client certificate with its key, in base64."""

from datetime import UTC, datetime
from functools import cache

from tests.parts.certificates import self_signed

EXPIRES = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


@cache
def a_pfx(password: str | None = "pfx-password", expires: datetime = EXPIRES) -> str:
    """Return one for `CN=leeward-test`; the same for the same arguments."""
    return self_signed("leeward-test", expires=expires).pfx(password)
