"""The images' locks, read: services/<service>/requirements.txt and services/build-requirements.txt."""

import re
from pathlib import Path

import msgspec

from tests.parts.dockerfiles import ROOT


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """One package of a lock."""

    version: str
    hashes: tuple[str, ...]


def read_lock(service: str) -> dict[str, Pin]:
    """Return what an image installs, by normalised name."""
    return _read(ROOT / "services" / service / "requirements.txt")


def read_build_lock() -> dict[str, Pin]:
    """Return what builds the wheels of which there are none."""
    return _read(ROOT / "services" / "build-requirements.txt")


def normal(name: str) -> str:
    """Return a distribution's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(path: Path) -> dict[str, Pin]:
    lines = (line for line in path.read_text().replace("\\\n", " ").splitlines() if line and not line.startswith("#"))
    entries = (line.split("--hash=") for line in lines)
    split = ((entry[0].partition(";")[0].strip().partition("=="), entry[1:]) for entry in entries)
    return {
        normal(name): Pin(version=version, hashes=tuple(one.strip() for one in hashes))
        for (name, _, version), hashes in split
    }
