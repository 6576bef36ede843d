"""What goes out to the bus and comes in from it, and how either fails."""

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec

from shared.errors import PermanentError, TransientError
from shared.messages import JSON_CONTENT_TYPE

PAYLOAD_LIMIT = 256 * 1024
"""Bytes: larger payloads are refused on the way in and out."""

STRING_LIMIT = 65535
"""Bytes of UTF-8 that a topic or a property may have (MQTT 5 §1.5.4)."""
_UNSPEAKABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


class BusUnavailableError(TransientError):
    """The broker cannot be reached now, or did not acknowledge."""


class ReplyTimeoutError(TransientError):
    """A request was sent and nobody answered in time."""


class BusSettingsError(PermanentError):
    """A broker address, certificate or key that cannot be used."""


class PublicationRefusedError(PermanentError):
    """The broker, or what it says of itself, does not take a publication."""


class BusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the broker is: `mqtt://` or `mqtts://`, with user and password, and the files of TLS.

    All files are read anew for each connection, so that what is in them may be renewed.
    """

    url: str
    password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A message to publish; `expiry` is how long, of at most 136 years, the broker may hold it.

    Leeward's own all have QoS 1.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry: timedelta | None = None
    content_type: str | None = JSON_CONTENT_TYPE
    response_topic: str | None = None
    correlation: bytes | None = None
    user_properties: tuple[tuple[str, str], ...] = ()


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message that arrived; `retained` when it lay on the broker before the subscription."""

    topic: str
    payload: bytes
    retained: bool
    response_topic: str | None = None
    correlation: bytes | None = None


Handler = Callable[[Delivery], Awaitable[None]]


def unguessable(name: str) -> str:
    """Return a client id that says who it is and that nobody else can know.

    A broker hangs up on whoever has an id when another client comes with it, whatever that one's rights are. An id that
    is nowhere told cannot be taken. Made once per process: a process that connects again takes its own place.
    """
    return f"{name}-{secrets.token_hex(8)}"


def checked(publication: Publication) -> Publication:
    """Return it unchanged, or raise ValueError for a topic or size that no broker or reader would take."""
    if not publication.topic or any(sign in publication.topic for sign in "+#\0"):
        raise ValueError(f"cannot publish to topic {publication.topic!r}: it is empty or has wildcards")
    if len(publication.payload) > PAYLOAD_LIMIT:
        raise ValueError(f"{len(publication.payload)} bytes for {publication.topic} exceed {PAYLOAD_LIMIT}")
    return publication


def is_speakable(text: str) -> bool:
    """Whether a text can stand in a packet: brokers hang up on control characters and noncharacters (MQTT 5 §1.5.4)."""
    return len(text) <= STRING_LIMIT and _UNSPEAKABLE.search(text) is None and len(text.encode()) <= STRING_LIMIT
