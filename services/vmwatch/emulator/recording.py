"""The file format of recordings: JSON Lines, a heading first, then what was answered whenever it changed."""

import os
from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from services.vmwatch.emulator.faults import Endpoint
from services.vmwatch.errors import RecordingError
from shared.messages import Instant

FORMAT: Final = "leeward-imds-recording/1"
LONGEST_LINE: Final = 4 * 1024 * 1024
_OWNER_ONLY: Final = 0o600


class _Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="is", tag=str.lower):
    """What every line has: when it happened."""

    at: Instant


class Heading(_Line, frozen=True, kw_only=True):
    """The first line: where the answers come from and how they were asked for."""

    format: str = FORMAT
    source: str
    api_version: str
    poll_seconds: float
    masked: bool


class Answer(_Line, frozen=True, kw_only=True, omit_defaults=True):
    """An HTTP answer that differs from the one before; `body_base64` holds a body that is no UTF-8 text.

    `seconds` is how long it took; `cut` says that the body went on beyond what is kept.
    """

    endpoint: Endpoint
    status: int
    headers: Mapping[str, str] = {}
    body: str = ""
    body_base64: bytes = b""
    seconds: float = 0.0
    cut: bool = False

    @property
    def content(self) -> bytes:
        """Return the body as it came."""
        return self.body_base64 or self.body.encode()


class Silence(StrEnum):
    """Why there was no answer."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"


class Failure(_Line, frozen=True, kw_only=True):
    """No answer came; the latest answer is void until the next."""

    endpoint: Endpoint
    silence: Silence


class End(_Line, frozen=True, kw_only=True):
    """The last line, when recording ended in order: how often was asked."""

    polls: int


Entry = Answer | Failure
Line = Heading | Answer | Failure | End
_DECODER: Final = msgspec.json.Decoder(Line)


def answered(line: Answer, content: bytes) -> Answer:
    """Return an answer with this body, as text where it is."""
    try:
        return msgspec.structs.replace(line, body=content.decode())
    except UnicodeDecodeError:
        return msgspec.structs.replace(line, body_base64=content)


class RecordingFile:
    """Takes lines until it is full, readable by its owner only: documents tell names and addresses."""

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        """Nothing is written before the context is entered."""
        self._path = path
        self._left = max_bytes
        self._fd = -1

    def __enter__(self) -> Self:
        """Create the file; raises RecordingError when it exists already or cannot be created."""
        try:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
        except FileExistsError as fault:
            raise RecordingError(f"{self._path} exists already; give another name with --to, or remove it") from fault
        except OSError as fault:
            raise RecordingError(f"{self._path}: {fault.strerror}") from fault
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        os.close(self._fd)

    def write(self, line: Line) -> bool:
        """Append a line at once; False, and nothing written, when the file would become too long."""
        encoded = msgspec.json.encode(line) + b"\n"
        if len(encoded) > self._left:
            return False
        self._left -= len(encoded)
        try:
            while encoded:
                encoded = encoded[os.write(self._fd, encoded) :]
        except OSError as fault:
            raise RecordingError(f"{self._path}: {fault.strerror}") from fault
        return True


class Recording:
    """A recording that was read: what each endpoint answered at each moment."""

    def __init__(self, heading: Heading, entries: tuple[Entry, ...], ended_at: datetime) -> None:
        """`entries` stand in the order of their instants."""
        self.heading = heading
        self.entries = entries
        self.began_at = heading.at
        self.length: timedelta = ended_at - heading.at

    def at(self, endpoint: Endpoint, since_begin: timedelta) -> Entry | None:
        """Return what an endpoint answered so long after the beginning; None when it was never asked.

        Before its first answer that one counts, after its last one the last.
        """
        own = [entry for entry in self.entries if entry.endpoint is endpoint]
        if not own:
            return None
        place = bisect_right(own, self.began_at + since_begin, key=lambda entry: entry.at)
        return own[max(place - 1, 0)]


def load_recording(path: Path) -> Recording:
    """Read a file that `leeward-imds record` wrote. Raises RecordingError naming the line."""
    try:
        with path.open("rb") as file:
            lines = [_read_line(path, number, text) for number, text in enumerate(file, start=1) if text.strip()]
    except OSError as fault:
        raise RecordingError(f"{path}: {fault.strerror}") from fault
    if not lines or not isinstance(lines[0], Heading) or lines[0].format != FORMAT:
        raise RecordingError(f"{path}: line 1: not a recording of leeward-imds record ({FORMAT})")
    entries = tuple(sorted((line for line in lines if isinstance(line, Entry)), key=lambda entry: entry.at))
    if not entries:
        raise RecordingError(f"{path}: nothing was recorded, no line has an answer")
    return Recording(lines[0], entries, max(line.at for line in lines))


def _read_line(path: Path, number: int, text: bytes) -> Line:
    if len(text) > LONGEST_LINE:
        raise RecordingError(f"{path}: line {number}: longer than {LONGEST_LINE} bytes")
    try:
        line: Line = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise RecordingError(f"{path}: line {number}: {fault}") from fault
    return line
