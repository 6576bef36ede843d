"""What would keep the scheduler from starting, found without starting, connecting or making anything."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from services.scheduler.access.certificate import serving_context
from services.scheduler.access.tokens import load_entries
from services.scheduler.fleet_policy import read_fleet_policy
from services.scheduler.settings import Settings
from services.scheduler.store.open import open_store
from services.scheduler.tracing.open import check_traces
from services.scheduler.vault.open import keys_file
from shared.bus import check_settings
from shared.checking import NamedFile, faults_of
from shared.keyfile import load_keys

_SQLITE = "sqlite:///"


def certificates(settings: Settings) -> tuple[NamedFile, ...]:
    """Return the files of certificates."""
    return (
        NamedFile(variable="LEEWARD_MQTT_CA", path=settings.mqtt_ca),
        NamedFile(variable="LEEWARD_MQTT_CERT", path=settings.mqtt_cert),
        NamedFile(variable="LEEWARD_ACTIONS_MQTT_CERT", path=settings.actions_mqtt_cert),
        NamedFile(variable="LEEWARD_LISTEN_CERT", path=settings.listen_cert),
    )


def faults(settings: Settings, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield all that is wrong with what the settings name; the values themselves are judged where they are read."""
    yield from faults_of(
        lambda: check_settings(settings.bus),
        lambda: read_fleet_policy(settings.maintenance),
        lambda: _check_listener(settings),
        lambda: _check_tokens(settings),
        lambda: _check_keys(settings),
        lambda: _check_traces(settings),
        lambda: _check_database(settings.database_url),
    )
    if settings.secrets_dir is not None and not settings.secrets_dir.is_dir():
        yield f"LEEWARD_SECRETS_DIR={settings.secrets_dir}: there is no such folder"
    for entry in settings.secrets_env:
        name = entry.rpartition("/")[2]
        if name not in environment:
            yield f"LEEWARD_SECRETS_ENV={entry}: there is no variable {name}"


def _check_listener(settings: Settings) -> None:
    if settings.listen_cert is not None and settings.listen_key is not None:
        serving_context(settings.listen_cert, settings.listen_key)


def _check_tokens(settings: Settings) -> None:
    if settings.tokens_file is not None:
        load_entries(settings.tokens_file)


def _check_keys(settings: Settings) -> None:
    """A file that no setting names is made at the first start."""
    file = keys_file(settings)
    if file is not None and (settings.secret_keys_file is not None or file.exists()):
        load_keys(file)


def _check_traces(settings: Settings) -> None:
    if settings.otlp_endpoint is not None:
        check_traces(settings.otlp_endpoint)


def _check_database(url: str) -> None:
    open_store(url)  # opens nothing before it is entered
    if url.startswith(_SQLITE):
        _check_folder(Path(url.removeprefix(_SQLITE)).absolute().parent)
        return
    try:
        place = urlsplit(url)
        is_usable = place.port is None or place.port > 0
    except ValueError:  # it may quote a part of a password that was taken for a port
        is_usable = False
    if not is_usable:
        raise ValueError("LEEWARD_DATABASE_URL: signs such as @ / : # ? in a password must be percent-encoded")


def _check_folder(folder: Path) -> None:
    """Look at the folder of the SQLite file; one that is not there is made, where its parent may be written."""
    present = next(path for path in (folder, *folder.parents) if path.exists())
    if not (present.is_dir() and os.access(present, os.W_OK | os.X_OK)):
        raise ValueError(f"LEEWARD_DATABASE_URL: {present} is no folder that this user may write to")
