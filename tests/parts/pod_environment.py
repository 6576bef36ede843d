"""The variables that a container of a rendered pod gets, and the settings that our readers make of them."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.settings import Settings as WatcherSettings
from shared.settings import load
from tests.parts.certificates import Authority
from tests.parts.manifests import Object, named

_FIELDS = {"metadata.name": "leeward-scheduler-7d9c5-x2x9k", "status.hostIP": "10.224.0.4"}
_SECRETS = {("leeward-database", "url"): "postgresql://leeward:secret@db.example.net/leeward"}
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_MOUNTS = "/etc/leeward/"
_OF_NODES = {"ca.crt", "tls.crt", "tls.key"}
"""What docs/howto/tls-and-acl.md has people put on a node."""
_AUTHORITY = Authority()
_CERTIFICATE = _AUTHORITY.certify("test")
READERS: dict[str, type[msgspec.Struct]] = {"scheduler": SchedulerSettings, "vmwatch": WatcherSettings}
"""Who reads the variables, by the container's name."""


def environment(container: Object, objects: Sequence[Object]) -> dict[str, str]:
    """Return what the kubelet would set: ConfigMaps first, then single variables, references filled in."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        found.update(named(objects, "ConfigMap", source["configMapRef"]["name"])["data"])
    for variable in container.get("env", ()):
        found[variable["name"]] = _REFERENCE.sub(lambda match: found[match[1]], _value(variable))
    return found


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a container as the service reads them, and the files that they name, as that sees them."""

    settings: msgspec.Struct
    files: dict[str, Path]


def given(pod: Object, container: Object, objects: Sequence[Object]) -> Given:
    """Return the settings, read beside real files for what is mounted from Secrets. Raises SettingsError."""
    with TemporaryDirectory() as root:
        _mount(pod, container, Path(root))
        variables = leewards(environment(container, objects))
        moved = {name: value.replace(_MOUNTS, f"{root}{_MOUNTS}", 1) for name, value in variables.items()}
        read = load(READERS[container["name"]], moved)
        return Given(settings=read, files={name: _back(file, root) for name, file in _files_of(read).items()})


def leewards(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are settings."""
    return {name: value for name, value in variables.items() if name.startswith("LEEWARD_")}


def _mount(pod: Object, container: Object, root: Path) -> None:
    """Write a certificate and its key, with their authority, wherever a container has files from outside."""
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    for mount in container["volumeMounts"]:
        volume = volumes[mount["name"]]
        folder = root / mount["mountPath"].lstrip("/")
        names = {item["path"] for item in volume.get("secret", {}).get("items", ())} or _OF_NODES
        if "secret" in volume or "hostPath" in volume:
            folder.mkdir(parents=True)
            _CERTIFICATE.files(folder, "tls")
            (folder / "ca.crt").write_bytes(_AUTHORITY.file(folder).read_bytes())
            for file in folder.iterdir():
                if file.name not in names:
                    file.unlink()


def _files_of(read: msgspec.Struct) -> dict[str, Path]:
    """Return the files that settings name, by setting; the database's, too, where it is one."""
    found = {name: value for name in read.__struct_fields__ if isinstance(value := getattr(read, name), Path)}
    found.pop("command_folder", None)
    url = getattr(read, "database_url", "")
    return {**found, "database_url": Path(url.removeprefix("sqlite:///"))} if url.startswith("sqlite:///") else found


def _back(file: Path, root: str) -> Path:
    return Path("/") / file.relative_to(root) if file.is_relative_to(root) else file


def _value(variable: Object) -> str:
    if "value" in variable:
        return str(variable["value"])
    source = variable["valueFrom"]
    if "fieldRef" in source:
        return _FIELDS[source["fieldRef"]["fieldPath"]]
    reference = source["secretKeyRef"]
    return _SECRETS[reference["name"], reference["key"]]
