"""The tokens file in force: read at start, read again when it changes, kept as it was when it is out of order."""

import asyncio
from pathlib import Path

from services.scheduler.access.proofs import Kind, NotProvenError, Proof, Reason
from services.scheduler.domain.callers import Caller, Role, Scope
from services.scheduler.domain.collections import Namespace
from services.scheduler.metrics import Metrics
from shared.atomic_files import Stamp, read_bounded, stamp_of
from shared.clock import Clock
from shared.logs import get_logger
from shared.settings import SettingsError
from shared.tokens import MOST_BYTES, TokenEntry, read_tokens

_log = get_logger(__name__)


class Tokens:
    """Callers by the hash of their token. Raises SettingsError when the file is out of order at start."""

    def __init__(self, path: Path, home: Namespace, clock: Clock, metrics: Metrics) -> None:
        """`home` is the namespace of collections that are written without one."""
        self._path = path
        self._home = home
        self._clock = clock
        self._metrics = metrics
        self._stamp, self._entries = self._at_start()
        self._faults: list[str] = []
        self._unread = False

    def find(self, digest: str) -> Proof:
        """Return who stands behind a token by its hash. Raises NotProvenError.

        The hash is what is looked up: how long that takes tells nothing of any token.
        """
        entry = self._entries.get(digest)
        if entry is None:
            raise NotProvenError(Reason.UNKNOWN)
        if entry.expires_at is not None and entry.expires_at <= self._clock.now():
            raise NotProvenError(Reason.EXPIRED)
        return Proof(
            caller=_caller(entry, self._home), kind=Kind.TOKEN, credential=entry.digest, ends_at=entry.expires_at
        )

    async def look(self) -> None:
        """Read the file again if it is not what it was; run this more than once a second."""
        stamp = await asyncio.to_thread(stamp_of, self._path)
        if stamp == self._stamp and not self._unread:
            return
        self._stamp = stamp
        try:
            self._entries = await asyncio.to_thread(_read, self._path)
        except (OSError, ValueError) as fault:
            self._refuse(fault)
            return
        self._faults, self._unread = [], False
        self._metrics.files_in_force.labels("tokens").set(1)
        _log.info("tokens file read again", callers=len(self._entries))

    def _refuse(self, fault: OSError | ValueError) -> None:
        """Keep the entries; what could not be read is tried again, and told once."""
        faults, before = _faults(fault), self._faults
        self._faults, self._unread = faults, isinstance(fault, OSError)
        self._metrics.files_in_force.labels("tokens").set(0)
        if faults != before:
            _log.error("tokens file not taken over, the one before stays in force", faults=faults)

    def _at_start(self) -> tuple[Stamp, dict[str, TokenEntry]]:
        stamp = stamp_of(self._path)
        entries = load_entries(self._path)
        self._metrics.files_in_force.labels("tokens").set(1)
        return stamp, entries


def load_entries(path: Path) -> dict[str, TokenEntry]:
    """Return a file's callers by the hash of their token. Raises SettingsError with all that is wrong in it."""
    try:
        return _read(path)
    except (OSError, ValueError) as fault:
        lines = "\n".join(f"  {one}" for one in _faults(fault))
        raise SettingsError(f"LEEWARD_TOKENS_FILE={path} cannot be used:\n{lines}") from None


def _read(path: Path) -> dict[str, TokenEntry]:
    return {entry.digest: entry for entry in read_tokens(read_bounded(path, MOST_BYTES))}


def _faults(fault: OSError | ValueError) -> list[str]:
    if isinstance(fault, OSError):
        return [fault.strerror or "it cannot be read"]
    return [str(part) for part in fault.args]


def _caller(entry: TokenEntry, home: Namespace) -> Caller:
    scopes = None if entry.collections is None else tuple(scope_of(text, home) for text in entry.collections)
    return Caller(name=entry.name, role=Role(entry.role), scopes=scopes)


def scope_of(text: str, home: Namespace) -> Scope:
    """Return the collection that `NAME` or `SUBSCRIPTION/GROUP/NAME` means; `home` is the namespace of bare names."""
    namespace, _, collection = text.rpartition("/")
    subscription, _, group = namespace.partition("/")
    return Scope(Namespace(subscription, group) if namespace else home, collection)
