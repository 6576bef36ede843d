"""The file of keys that seal secrets: one key a line, which people can read, mount and keep copies of."""

import os
import re
import stat
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from shared.atomic_files import changing, create, read_bounded
from shared.entries import is_entry, read_time, write_time
from shared.errors import PermanentError

KEY_BYTES = 32
"""AES-256."""
SPREAD_SECONDS = 60
"""How long after a key began to seal the older ones are left alone: until everybody has seen that it did."""
_MOST_BYTES = 1 << 20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEADER = (
    "# The keys that seal the secrets of Leeward's jobs, one a line: id, key, and from when on it seals.\n"
    "# Who has this file and the database can read them: keep copies of the two apart (docs/secrets.md).\n"
)
_EXPOSED = stat.S_IRWXG | stat.S_IRWXO


class KeysFileError(PermanentError):
    """A keys file that cannot be read, understood or changed; the message names it and says what to do."""


class SealingKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, and the instant from which on it seals; None: from the beginning."""

    id: str
    secret: bytes
    seals_from: datetime | None = None

    def __repr__(self) -> str:
        """Return the form for logs and debuggers, without the key."""
        return f"SealingKey(id={self.id!r}, secret=***, seals_from={self.seals_from})"


def read_keys(text: str) -> tuple[SealingKey, ...]:
    """Return the keys in a file's text, in its order. Raises ValueError that names the line and never shows it."""
    keys = [_read_line(number, line) for number, line in enumerate(text.splitlines(), 1) if is_entry(line)]
    if not keys:
        raise ValueError("it holds no key; make one with: leeward keys create FILE")
    ids = [key.id for key in keys]
    if twice := {one for one in ids if ids.count(one) > 1}:
        raise ValueError(f"key {min(twice)} stands there twice")
    return tuple(keys)


def write_key(key: SealingKey) -> str:
    """Return a key's line."""
    words = [key.id, urlsafe_b64encode(key.secret).decode().rstrip("=")]
    if key.seals_from is not None:
        words.append(write_time(key.seals_from))
    return f"{'  '.join(words)}\n"


def new_key(now: datetime, *, seals_from: datetime | None = None) -> SealingKey:
    """Return a fresh random key; its id tells the day it was made."""
    return SealingKey(id=f"{now:%Y%m%d}-{os.urandom(4).hex()}", secret=os.urandom(KEY_BYTES), seals_from=seals_from)


def sealing_key(keys: Sequence[SealingKey], now: datetime) -> SealingKey:
    """Return the key that seals at an instant: of those whose time has come the latest, else the earliest.

    Of two with the same time, the one further down.
    """
    come = [key for key in keys if key.seals_from is None or key.seals_from <= now]
    if not come:
        return min(keys, key=_begin)
    return max(reversed(come), key=_begin)


def load_keys(path: Path) -> tuple[SealingKey, ...]:
    """Return the keys in a file. Raises KeysFileError, also for one that others than its owner may read.

    On a volume that is mounted read-only, as Kubernetes mounts a Secret, the mode is not the owner's to choose.
    """
    with _told(path, "read"):
        found, volume = path.stat(), os.statvfs(path)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no plain file")
        if is_exposed(found.st_mode, read_only=bool(volume.f_flag & os.ST_RDONLY)):
            raise ValueError(f"others than its owner may read it: chmod 600 {path}")
        return read_keys(read_bounded(path, _MOST_BYTES))


def is_exposed(mode: int, *, read_only: bool) -> bool:
    """Whether a file of keys lies open: group or others may do something with it, and chmod could have ended that."""
    return bool(mode & _EXPOSED) and not read_only


def create_keys(path: Path, key: SealingKey) -> bool:
    """Write a new file with one key; False when it exists, which is then left as it is. Raises KeysFileError."""
    with _told(path, "made"):
        return create(path, _HEADER + write_key(key))


def add_key(path: Path, key: SealingKey) -> None:
    """Append a key to a file. Raises KeysFileError."""
    load_keys(path)
    with _told(path, "changed"), changing(path) as lines:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(write_key(key))


def remove_key(path: Path, key_id: str, now: datetime) -> None:
    """Remove a key from a file. Raises KeysFileError when it is not there, or is needed still (`check_removal`)."""
    load_keys(path)
    with _told(path, "changed"), changing(path) as lines:
        check_removal(read_keys("".join(lines)), key_id, now)
        lines[:] = [line for line in lines if not (is_entry(line) and line.split()[0] == key_id)]


def check_removal(keys: Sequence[SealingKey], key_id: str, now: datetime) -> None:
    """Raise ValueError unless a key is there and another one has sealed for SPREAD_SECONDS."""
    if key_id not in {key.id for key in keys}:
        raise ValueError(f"it has no key {key_id}; it has {', '.join(key.id for key in keys)}")
    sealing = sealing_key(keys, now)
    if sealing.id == key_id:
        raise ValueError(f"key {key_id} seals now: add another first, with leeward keys rotate")
    since = sealing.seals_from
    if since is not None and (now - since).total_seconds() < SPREAD_SECONDS:
        raise ValueError(f"key {sealing.id} seals only since {since:%H:%M:%S} UTC: wait {SPREAD_SECONDS} s after that")


@contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    """Turn what goes wrong with a file into a KeysFileError that names it."""
    try:
        yield
    except OSError as fault:
        raise KeysFileError(f"keys file {path} cannot be {done}: {fault.strerror or fault}") from fault
    except ValueError as fault:
        raise KeysFileError(f"keys file {path}: {fault}") from None


def _read_line(number: int, line: str) -> SealingKey:
    words = line.split()
    if len(words) not in (2, 3) or _ID.fullmatch(words[0]) is None:
        raise ValueError(f"line {number} must be: ID KEY [SEALS-FROM], the id of letters, digits and - . _")
    try:
        secret = urlsafe_b64decode(words[1] + "=" * (-len(words[1]) % 4))
    except Base64Error:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise ValueError(f"line {number}: key {words[0]} must be {KEY_BYTES} bytes in base64url")
    return SealingKey(id=words[0], secret=secret, seals_from=_time(number, words[2]) if words[2:] else None)


def _time(number: int, text: str) -> datetime:
    try:
        return read_time(text)
    except ValueError as fault:
        raise ValueError(f"line {number}: {fault}") from None


def _begin(key: SealingKey) -> datetime:
    return key.seals_from or datetime.min.replace(tzinfo=UTC)
