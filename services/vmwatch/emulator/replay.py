"""Plays a recording: what was answered at each moment, on a clock that may run faster, with dates that fit it."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Final

from services.vmwatch.documents import MAX_BODY_BYTES, parse_instant
from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.faults import Endpoint
from services.vmwatch.emulator.recording import Answer, Entry, Recording

_NOT_BEFORE: Final = re.compile(rb'("NotBefore"\s*:\s*")([^"\\]+)(")')


class Dates(StrEnum):
    """What becomes of NotBefore: moved to where the replay stands, or left as it was recorded."""

    MOVED = "moved"
    KEPT = "kept"


class Replay:
    """A recording that begins to play when it is made. At its end the last answers stay."""

    def __init__(self, recording: Recording, pace: Pace, dates: Dates = Dates.MOVED) -> None:
        """`pace` says how fast; its clock may be turned."""
        self.recording = recording
        self.pace = pace
        self._dates = dates
        self._began_at = pace.now()

    @property
    def position(self) -> timedelta:
        """How much of the recording has played, by the recording's clock; never more than there is."""
        return min((self.pace.now() - self._began_at) * self.pace.speed, self.recording.length)

    @property
    def is_over(self) -> bool:
        """Whether the last answers stand."""
        return self.position >= self.recording.length

    @property
    def ends_at(self) -> datetime:
        """When it is over."""
        return self._began_at + self.recording.length / self.pace.speed

    def current(self, endpoint: Endpoint) -> Entry | None:
        """Return what an endpoint answers now; None when it was never asked."""
        return self.recording.at(endpoint, self.position)

    def body(self, answer: Answer) -> bytes:
        """Return an answer's body byte for byte, but for the dates that are moved; one that was cut stays too long."""
        body = answer.content if self._dates is Dates.KEPT else _NOT_BEFORE.sub(self._moved, answer.content)
        return body.ljust(MAX_BODY_BYTES + 1) if answer.cut else body

    def _moved(self, found: re.Match[bytes]) -> bytes:
        before, text, after = found.groups()
        try:
            instant = parse_instant(text.decode())
        except ValueError:
            return found[0]
        played = self._began_at + (instant - self.recording.began_at) / self.pace.speed
        return before + _written_like(text, played).encode() + after


def _written_like(text: bytes, instant: datetime) -> str:
    """Write a date in the form that it was recorded in: RFC 1123, or ISO 8601 as mocks send it."""
    whole = instant.replace(microsecond=0).astimezone(UTC)
    return whole.isoformat() if text[:1].isdigit() else format_datetime(whole, usegmt=True)
