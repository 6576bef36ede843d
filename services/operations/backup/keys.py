"""The keys file beside a backup: taken along if asked, brought back where it is missing, never changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.operations.backup.manifest import Manifest
from shared.atomic_files import create, read_bounded
from shared.keyfile import KeysFileError, load_keys, read_keys

_MOST_BYTES = 1 << 20
_HOW = "name it with --keys-file, or LEEWARD_SECRET_KEYS_FILE"


def keys_text(path: Path | None) -> str:
    """Return the text of a keys file that is sound. Raises KeysFileError."""
    if path is None:
        raise KeysFileError(f"nothing says where the keys are: {_HOW}")
    load_keys(path)
    return read_bounded(path, _MOST_BYTES)


@contextmanager
def brought_back(text: str | None, path: Path | None) -> Iterator[bool]:
    """Have the keys of a backup in their file while its rows are restored; True when the file is made for it.

    A file that is there stays as it is. Raises KeysFileError when it lacks one of the keys. A file that was made goes
    again if the body raises.
    """
    made = text is not None and _make(text, path)
    try:
        yield made
    except BaseException:
        if made and path is not None:
            path.unlink(missing_ok=True)
        raise


def missing_keys(manifest: Manifest, path: Path | None) -> list[str]:
    """Return the ids of the keys that secrets of a backup are sealed under and a file lacks. Raises KeysFileError."""
    there = {key.id for key in load_keys(path)} if path is not None and path.exists() else set()
    return sorted(set(manifest.sealed_under) - there)


def _make(text: str, path: Path | None) -> bool:
    if path is None:
        raise KeysFileError(f"the backup has a keys file, and nothing says where it belongs: {_HOW}")
    try:
        kept = {key.id: key for key in read_keys(text)}
    except ValueError as fault:
        raise KeysFileError(f"the keys file in the backup: {fault}") from None
    try:
        if create(path, text):
            return True
    except OSError as fault:
        raise KeysFileError(f"keys file {path} cannot be made: {fault.strerror or fault}") from fault
    present = {key.id: key for key in load_keys(path)}
    if lacking := sorted(key_id for key_id, key in kept.items() if present.get(key_id) != key):
        raise KeysFileError(
            f"keys file {path} stays as it is, and lacks {', '.join(lacking)} of the backup: name another file with "
            "--keys-file, and put the lines of both into the one that schedulers read"
        )
    return False
