"""Standard Webhooks signatures (https://www.standardwebhooks.com, specification §signature scheme)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a secret, as the specification has them."""


def check_signing_secret(text: str) -> None:
    """Raise ValueError that says what to write unless a text can sign; it never tells anything of the text."""
    read_signing_keys(text)


def read_signing_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys in a text of secrets with blanks between. Raises ValueError that says what to write."""
    secrets = text.split()
    if not secrets:
        raise ValueError("holds no secret; write whsec_ and 24 to 64 random bytes in base64")
    return tuple(_key(secret) for secret in secrets)


def signature(keys: Iterable[bytes], message_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of `webhook-signature`: one signature for each key, so that a secret can be replaced.

    `timestamp`: seconds since 1970, as `webhook-timestamp` tells them.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(_signature(key, signed) for key in keys)


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        raise ValueError("must begin with whsec_, each secret if there are several")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError("is not base64 after whsec_") from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"holds {len(key)} bytes after whsec_; use {_SHORTEST} to {_LONGEST} random ones")
    return key


def _signature(key: bytes, signed: bytes) -> str:
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
