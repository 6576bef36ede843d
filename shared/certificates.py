"""Whom a certificate names and until when it is good (RFC 5280 §4.1, X.690); watchers have no library for that.

Reads what was issued; whether it is to be trusted is for TLS to say.
"""

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from shared.atomic_files import read_bounded

SOON = timedelta(days=30)
_MOST_BYTES = 1 << 20
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME, _GENERALIZED_TIME = 0xA0, 0x17, 0x18
_COMMON_NAME = bytes.fromhex("550403")
_TWO_BYTES_A_SIGN = 0x1E
_MORE = 0x80


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a certificate: its common name, empty if it has none, and the span in which it is good."""

    name: str
    begins_at: datetime
    expires_at: datetime

    def is_good(self, now: datetime) -> bool:
        """Whether an instant lies in its span."""
        return self.begins_at <= now <= self.expires_at

    def ends_soon(self, now: datetime) -> bool:
        """Whether it should have been renewed: a month before its end, or with a third of a shorter life to go."""
        return self.expires_at - now < min(SOON, (self.expires_at - self.begins_at) / 3)


def read_certificates(path: Path) -> tuple[CertificateFacts, ...]:
    """Return the certificates in a PEM file, in its order. Raises OSError, and ValueError when it has none."""
    found = tuple(read_certificate(ssl.PEM_cert_to_DER_cert(text)) for text in _PEM.findall(_text(path)))
    if not found:
        raise ValueError("it holds no certificate (PEM)")
    return found


def read_certificate(der: bytes) -> CertificateFacts:
    """Return what stands in a certificate. Raises ValueError."""
    try:
        fields = list(_elements(_inside(_inside(der))))
        if fields[0][0] == _VERSION:
            del fields[0]
        _serial, _algorithm, _issuer, (_, validity), (_, subject), *_ = fields
        begin, end = (_time(tag, content) for tag, content in _elements(validity))
    except (IndexError, ValueError) as fault:
        raise ValueError("it holds something that is no certificate") from fault
    return CertificateFacts(name=_common_name(subject), begins_at=begin, expires_at=end)


def _text(path: Path) -> str:
    return read_bounded(path, _MOST_BYTES)


def _common_name(subject: bytes) -> str:
    for _, names in _elements(subject):
        for _, pair in _elements(names):
            (_, kind), (tag, value), *_ = _elements(pair)
            if kind == _COMMON_NAME:
                return value.decode("utf-16-be" if tag == _TWO_BYTES_A_SIGN else "utf-8", "replace")
    return ""


def _time(tag: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: up to 2049 (RFC 5280 §4.1.2.5.1)
        text = f"{'20' if text < '50' else '19'}{text}"
    elif tag != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _inside(data: bytes) -> bytes:
    """Return the content of the first element."""
    first, *_ = _elements(data)
    return first[1]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element of one level. Raises ValueError where one is cut off."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & _MORE:
            size = length & ~_MORE
            length, at = int.from_bytes(data[at : at + size]), at + size
        if at + length > len(data):
            raise ValueError("cut off")
        yield tag, data[at : at + length]
        at += length
