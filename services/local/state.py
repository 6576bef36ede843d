"""What `leeward up` leaves in its data folder: where everything listens, for `leeward rehearse` and the next start."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from services.local.errors import AlreadyRunningError, DataFolderError

_STATE_FILE = "leeward.json"
_LOCK_FILE = "leeward.lock"


class LocalState(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Addresses of the parts of one `leeward up`; `targets_port` is also what the demo's jobs call."""

    pid: int
    api: str
    imds: str
    mqtt: str
    broker: str
    targets_port: int


def read_state(data: Path) -> LocalState | None:
    """Return what the last `leeward up` wrote; None when there is none, or nothing that can be read."""
    try:
        return msgspec.json.decode((data / _STATE_FILE).read_bytes(), type=LocalState)
    except (OSError, msgspec.DecodeError):
        return None


def write_state(data: Path, state: LocalState) -> None:
    """Replace the state file in one step, so that a reader never sees half of it."""
    draft = data / f"{_STATE_FILE}.new"
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
    draft.replace(data / _STATE_FILE)


@contextmanager
def exclusive(data: Path) -> Iterator[None]:
    """Have the data folder (made if absent) to oneself, at most until the process ends.

    Raises AlreadyRunningError, DataFolderError.
    """
    with _lock_file(data) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise AlreadyRunningError(
                f"another `leeward up` is using {data}: stop it first, or give this one a folder of its own with --data"
            ) from fault
        yield


def _lock_file(data: Path) -> BinaryIO:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return (data / _LOCK_FILE).open("ab")
    except OSError as fault:
        raise DataFolderError(
            f"the data folder {data} cannot be used ({fault.strerror}): give another one with --data"
        ) from fault
