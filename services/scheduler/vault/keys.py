"""The keys that seal and open, as the keys file has them now: read again when it changes, kept when it goes bad."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.scheduler.domain.secrets import KeyId
from services.scheduler.metrics import Metrics
from shared.atomic_files import Stamp, stamp_of
from shared.clock import Clock
from shared.keyfile import KeysFileError, SealingKey, create_keys, load_keys, new_key, sealing_key
from shared.logs import get_logger
from shared.settings import SettingsError

log = get_logger(__name__)

LOOK_AGAIN_SECONDS = 1.0
"""How long the file is not looked at again after it did not have a key either."""


class KeyRing:
    """The keys of a file, or those it was given; without either nothing can be sealed."""

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        metrics: Metrics,
        *,
        keys: Sequence[SealingKey] = (),
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`elapsed` gives seconds that only ever grow."""
        self._path = path
        self._clock = clock
        self._metrics = metrics
        self._elapsed = elapsed
        self._version: Stamp | None = None
        self._missed_at: float | None = None
        self._take(keys)
        if path is not None:
            self._in_force(1)

    def begin(self, *, create: bool) -> None:
        """Read the file, and make it first if it may be made. Raises SettingsError for one that cannot be used."""
        if self._path is None:
            return
        try:
            if create and create_keys(self._path, new_key(self._clock.now())):
                log.warning("keys file made: keep a copy, apart from the database's", file=str(self._path))
            self._version = stamp_of(self._path)
            self._take(load_keys(self._path))
        except KeysFileError as fault:
            raise SettingsError(f"LEEWARD_SECRET_KEYS_FILE: {fault}") from fault
        log.info("keys read", file=str(self._path), keys=list(self._ciphers))

    def look(self) -> None:
        """Read the file again if it is another one than before; a bad one is reported, and the keys stay."""
        if self._path is None or (version := stamp_of(self._path)) == self._version:
            return
        self._version = version
        try:
            self._take(load_keys(self._path))
        except KeysFileError as fault:
            self._in_force(0)
            log.warning("keys file cannot be used, the keys stay as they were", error=str(fault))
            return
        self._in_force(1)
        log.info("keys read again", file=str(self._path), keys=list(self._ciphers))

    @property
    def keys(self) -> tuple[SealingKey, ...]:
        """The keys as they are now: sessions are sealed by others that are made from them."""
        return self._keys

    def sealing(self) -> KeyId | None:
        """Return the key that seals now; None when there is none at all."""
        return KeyId(sealing_key(self._keys, self._clock.now()).id) if self._keys else None

    @property
    def ids(self) -> frozenset[KeyId]:
        """The keys that it has."""
        return frozenset(self._ciphers)

    def find(self, key: KeyId) -> AESGCM | None:
        """Return the cipher of a key. One that is not known may have been added a moment ago."""
        if key not in self._ciphers and self._may_look():
            self._missed_at = self._elapsed()
            self.look()
        return self._ciphers.get(key)

    def _in_force(self, value: int) -> None:
        self._metrics.files_in_force.labels("keys").set(value)

    def _may_look(self) -> bool:
        return self._missed_at is None or self._elapsed() - self._missed_at >= LOOK_AGAIN_SECONDS

    def _take(self, keys: Sequence[SealingKey]) -> None:
        self._keys = tuple(keys)
        self._ciphers = {KeyId(key.id): AESGCM(key.secret) for key in keys}
