"""Raises an event in the emulator through its control API."""

import json

import aiohttp
import msgspec

from services.local.errors import RehearsalError
from services.vmwatch.emulator.events import RehearsedEvent

_PATIENCE = aiohttp.ClientTimeout(total=5)
_NO_EMULATOR = (
    "start `leeward up` first, give its data folder with --data, or an emulator's address with --imds-url; "
    "with --fleet the scheduler rehearses on its real fleet"
)


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The event to raise; None leaves the choice to the emulator, which does as Azure does for the type."""

    type: str
    resources: tuple[str, ...]
    source: str
    description: str = ""
    notice_seconds: float | None = None
    duration_seconds: int | None = None
    started_seconds: float | None = None

    def as_curl(self, imds: str) -> str:
        """Return the same order for a shell."""
        body = json.dumps(msgspec.to_builtins(self)).replace("'", "'\\''")
        return f"curl -X POST {imds}/control/events -d '{body}'"


async def raise_event(imds: str, rehearsal: Rehearsal) -> RehearsedEvent:
    """Raise the event and return it as the emulator took it. Raises RehearsalError saying what to do instead."""
    url = f"{imds.rstrip('/')}/control/events"
    try:
        async with (
            aiohttp.ClientSession(timeout=_PATIENCE) as session,
            session.post(url, data=msgspec.json.encode(rehearsal)) as answer,
        ):
            body = await answer.read()
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as fault:
        raise RehearsalError(f"no emulator answers at {imds}: {_NO_EMULATOR}") from fault
    if status != 201:
        raise RehearsalError(_refusal(imds, status, body))
    return msgspec.json.decode(body, type=RehearsedEvent)


def address(imds_url: str | None, state_imds: str | None) -> str:
    """Return the emulator's address as given, else as `leeward up` left it. Raises RehearsalError for none."""
    found = imds_url or state_imds
    if found is None:
        raise RehearsalError(f"no emulator is known here: {_NO_EMULATOR}")
    return found.rstrip("/")


def _refusal(imds: str, status: int, body: bytes) -> str:
    try:
        return f"the emulator refuses: {msgspec.json.decode(body, type=dict[str, str])['error']}"
    except (msgspec.DecodeError, KeyError):
        return f"{imds} answers {status} and is no emulator: {_NO_EMULATOR}"
