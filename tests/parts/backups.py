"""Backups as tests take, restore and spoil them."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from services.operations.backup.archive import Archive
from services.operations.backup.manifest import Manifest
from services.operations.backup.restoring import restore, verify
from services.operations.backup.writing import write_backup
from services.scheduler.store.open import open_dumps


def _unheard(_table: str, _rows: int) -> None:
    """Nobody looks on."""


async def back_up(url: str, path: Path, *, history: bool = True, keys: str | None = None) -> Manifest:
    """Write a database to a file."""
    with path.open("wb") as file:
        return await write_backup(open_dumps(url), file, history=history, keys=keys, report=_unheard)


async def bring_back(path: Path, url: str, *, replace: bool = False) -> None:
    """Make a database anew from a file."""
    with path.open("rb") as file, Archive.opened(file) as archive:
        await restore(archive, open_dumps(url), replace=replace, report=_unheard)


def check(path: Path) -> Manifest:
    """Check every row of a file."""
    with path.open("rb") as file, Archive.opened(file) as archive:
        verify(archive, _unheard)
        return archive.manifest


def rewritten(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """Change what is in a file, by name, and write it as a sound zip beside it."""
    with zipfile.ZipFile(path) as before:
        content = {name: before.read(name) for name in before.namelist()}
    change(content)
    spoilt = path.with_name("spoilt.zip")
    with zipfile.ZipFile(spoilt, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in content.items():
            after.writestr(name, data)
    return spoilt


def told(content: dict[str, bytes], **changes: object) -> None:
    """Change the manifest."""
    manifest: Mapping[str, object] = msgspec.json.decode(content["manifest.json"])
    content["manifest.json"] = msgspec.json.encode({**manifest, **changes})
