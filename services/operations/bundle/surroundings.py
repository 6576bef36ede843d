"""What a service is and runs on: versions, machine, settings."""

import os
import platform
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from services.operations.bundle.masking import mask
from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.settings import Settings as VmwatchSettings
from shared.about import product_version
from shared.settings import PREFIX, SettingsError, load, masked

KINDS: Mapping[str, type[SchedulerSettings | VmwatchSettings]] = {
    "scheduler": SchedulerSettings,
    "vmwatch": VmwatchSettings,
}
_LIBRARIES = (
    "aiohttp",
    "aiomqtt",
    "aiosqlite",
    "apscheduler",
    "asyncpg",
    "click",
    "cronsim",
    "cryptography",
    "lightkube",
    "msgspec",
    "paho-mqtt",
    "prometheus-client",
    "python-qpid-proton",
    "sqlalchemy",
    "structlog",
    "tzdata",
    "uvloop",
)
_UNSPOKEN = ("command", "maintenance")
"""Settings in which people may write secrets: a program's arguments, a call with headers."""


def versions() -> dict[str, object]:
    """Return the versions of what runs here, and the size of the machine."""
    return {
        "leeward": product_version(),
        "python": sys.version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "distribution": _distribution(),
        "processors": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "free bytes here": shutil.disk_usage(Path()).free,
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def settings_of(kind: type[msgspec.Struct], environment: Mapping[str, str]) -> dict[str, object]:
    """Return the settings that a service would have here, masked, or what is wrong with them."""
    given = sorted(name for name in environment if name.startswith(PREFIX))
    try:
        settings = load(kind, environment)
    except SettingsError as fault:
        return {"given": given, "faults": mask(str(fault)).splitlines()}
    values = {name: _shown(name, value) for name, value in masked(settings).items()}
    return {"given": given, "values": values}


def _shown(name: str, value: str) -> str:
    if name in _UNSPOKEN and value:
        return "(set)"
    return ",".join(mask(part) for part in value.split(","))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return "unknown"
