"""What an HTTP answer of the metadata service means, and what it says besides (reference §1.9)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import aiohttp
import msgspec

from services.vmwatch.documents import parse_instant
from services.vmwatch.errors import MetadataError, MetadataOutcome, MetadataRefusedError, MetadataUnavailableError

LONGEST_REST_SECONDS: Final = 30.0
"""How long a Retry-After is obeyed at most: a Preempt leaves 30 s, and no header may hide it for longer."""
UNCHANGED: Final = 304
_MEANINGS: Final[Mapping[int, MetadataOutcome]] = MappingProxyType(
    {
        400: MetadataOutcome.BAD_REQUEST,
        404: MetadataOutcome.NOT_FOUND,
        405: MetadataOutcome.NOT_ALLOWED,
        410: MetadataOutcome.GONE,
        429: MetadataOutcome.THROTTLED,
        # One that was asked for never comes here.
        UNCHANGED: MetadataOutcome.UNEXPECTED,
    }
)
_FINAL: Final = frozenset({MetadataOutcome.BAD_REQUEST, MetadataOutcome.NOT_ALLOWED})
_REASON_BYTES = 2048
_REASON_CHARACTERS = 200


class _Complaint(msgspec.Struct):
    error: str = ""


async def to_error(where: str, response: aiohttp.ClientResponse) -> MetadataError:
    """Say what an answer other than 200 means: its status, and the reason if its body gives one."""
    status = response.status
    outcome = _MEANINGS.get(status, MetadataOutcome.UNEXPECTED)
    if status >= 500:
        outcome = MetadataOutcome.SERVER_ERROR
    elif 300 <= status < 400 and status != UNCHANGED:
        outcome = MetadataOutcome.REDIRECT
    kind = MetadataRefusedError if outcome in _FINAL else MetadataUnavailableError
    message = f"{where}: HTTP status {status}{await _reason(response)}"
    return kind(outcome, message, status=status, retry_after=_rest(response.headers))


async def _reason(response: aiohttp.ClientResponse) -> str:
    """Return what Azure's `{"error": …}` says, in printable ASCII; the status alone must do where there is none."""
    try:
        body = await response.content.read(_REASON_BYTES)
        said = msgspec.json.decode(body, type=_Complaint).error
    except (aiohttp.ClientError, msgspec.DecodeError, UnicodeDecodeError, RecursionError, OSError):
        return ""
    plain = "".join(sign for sign in said[:_REASON_CHARACTERS] if sign.isascii() and sign.isprintable())
    return f" ({plain})" if plain else ""


def _rest(headers: Mapping[str, str]) -> float:
    """Return the seconds of Retry-After, which are written out or run from the answer's own Date (RFC 9110 §10.2.3)."""
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = (
            float(text)
            if text.isascii() and text.isdigit()
            else (parse_instant(text) - parse_instant(headers.get("Date", ""))).total_seconds()
        )
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), LONGEST_REST_SECONDS)
