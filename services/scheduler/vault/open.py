"""From the settings to a vault."""

from collections.abc import Mapping
from pathlib import Path

from services.scheduler.domain.collections import Namespace
from services.scheduler.metrics import Metrics
from services.scheduler.settings import Settings
from services.scheduler.vault.keys import KeyRing
from services.scheduler.vault.references import References
from shared.clock import Clock
from shared.keyfile import new_key

_SQLITE = "sqlite:///"
_MEMORY = "memory://"
_SUFFIX = ".keys"


def open_keys(settings: Settings, clock: Clock, metrics: Metrics) -> KeyRing:
    """Return the keys that the settings name, read. Raises SettingsError for a file that cannot be used.

    Without a setting they stand beside the SQLite file, where they are made at the first start. What PostgreSQL holds
    may be read by several replicas, for which none can make a file; what memory holds needs none.
    """
    path = keys_file(settings)
    keys = (new_key(clock.now()),) if path is None and settings.database_url == _MEMORY else ()
    ring = KeyRing(path, clock, metrics, keys=keys)
    ring.begin(create=settings.secret_keys_file is None)
    return ring


def keys_file(settings: Settings) -> Path | None:
    """Return where the keys stand; None where there is no file of them."""
    return keys_place(settings.secret_keys_file, settings.database_url)


def references(settings: Settings, environment: Mapping[str, str]) -> References:
    """Return what jobs may refer to."""
    home = Namespace(settings.subscription, settings.resource_group)
    return References(settings.secrets_dir, settings.secrets_env, environment, home)


def keys_place(named: Path | None, database_url: str) -> Path | None:
    """Return the file that a setting names, else the one beside the SQLite file; None where neither is."""
    if named is not None or not database_url.startswith(_SQLITE):
        return named
    return Path(database_url.removeprefix(_SQLITE)).with_suffix(_SUFFIX)
