"""The log files of the parts: bounded at each start, and their last lines for error messages."""

from pathlib import Path
from typing import BinaryIO

_LIMIT = 5_000_000
_TAIL = 4_000


def open_log(path: Path) -> BinaryIO:
    """Open for appending; one that has grown beyond 5 MB becomes `NAME.log.1` first, replacing that."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LIMIT:
        path.replace(path.with_name(f"{path.name}.1"))
    return path.open("ab")


def last_lines(path: Path, count: int = 6) -> str:
    """Return the last lines of a log; empty when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - _TAIL))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-count:])
