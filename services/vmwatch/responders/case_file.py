"""The file of cases: what the watcher has to finish or undo after it, or the whole VM, was restarted."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from services.vmwatch.responders.cases import Case
from shared.atomic_files import changing, read_bytes
from shared.logs import get_logger
from shared.topics import HostKey

_MOST_BYTES = 1 << 20
_log = get_logger(__name__)


class Cases(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content; a VM made from another one's disk must not take over its cases."""

    host: str
    cases: tuple[Case, ...]


class Memory(Protocol):
    """Keeps the cases for the next life of this watcher."""

    def load(self) -> tuple[Case, ...]:
        """Return what the last life kept."""
        ...

    async def save(self, cases: Iterable[Case]) -> None:
        """Keep the cases; a fault is logged and raises nothing: the host's work goes before its records."""
        ...


class Forgetful:
    """Keeps nothing: in a dry run nothing is done that would have to be undone."""

    def load(self) -> tuple[Case, ...]:
        """Return nothing."""
        return ()

    async def save(self, cases: Iterable[Case]) -> None:
        """Do nothing."""


class CaseFile:
    """Keeps the cases in a file, replaced whole at each change."""

    def __init__(self, path: Path, host: HostKey) -> None:
        """Know the path; nothing is read or written yet."""
        self._path = path
        self._host = host
        self._lock = asyncio.Lock()

    def load(self) -> tuple[Case, ...]:
        """Return what the last life on this host kept; a file that cannot be read is logged and counts as empty."""
        try:
            kept = msgspec.json.decode(read_bytes(self._path, _MOST_BYTES), type=Cases)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as fault:
            _log.error("state of the responders not read, it begins empty", file=str(self._path), reason=str(fault))
            return ()
        if kept.host != self._host:
            _log.warning("state of another host's responders left alone", file=str(self._path), host=kept.host)
            return ()
        return kept.cases

    async def save(self, cases: Iterable[Case]) -> None:
        """Keep the cases; a fault is logged and raises nothing: the host's work goes before its records."""
        async with self._lock:
            text = msgspec.json.encode(Cases(host=self._host, cases=tuple(cases))).decode()
            try:
                await asyncio.to_thread(self._write, text)
            except (OSError, ValueError) as fault:
                _log.error("state of the responders not written", file=str(self._path), reason=str(fault))

    def _write(self, text: str) -> None:
        with changing(self._path) as lines:
            lines[:] = [text]
