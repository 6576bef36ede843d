"""Files that are changed while others read them: replaced whole or not at all, and noticed when they are."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NewType

Stamp = NewType("Stamp", tuple[int, ...])
"""Differs when a path leads to another file, or to another state of the same one."""
_NOWHERE = Stamp(())


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of a path; symbolic links are followed, as Kubernetes swaps those of a mounted Secret."""
    try:
        found = path.stat()
    except OSError:
        return _NOWHERE
    return Stamp((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))


def read_bounded(path: Path, limit: int) -> str:
    """Return the text of a plain file. Raises OSError, and ValueError beyond `limit` bytes or when it is no UTF-8."""
    try:
        return read_bytes(path, limit).decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8 text") from None


def read_bytes(path: Path, limit: int) -> bytes:
    """Return what a plain file holds. Raises OSError, and ValueError beyond `limit` bytes."""
    with open(path, "rb", opener=_open_at_once) as file:
        content: bytes = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it has more than {limit} bytes")
    return content


@contextmanager
def changing(path: Path) -> Iterator[list[str]]:
    """Give the lines of a file, none when there is no file; what they are at the end replaces it at once.

    A new file gets mode 0600, an old one keeps its mode and owner. Others who change it this way wait. Raises OSError.
    """
    target = path.resolve()
    with _locked(target.parent):
        present = target.exists()
        lines = target.read_text(encoding="utf-8").splitlines(keepends=True) if present else []
        yield lines
        with _draft(target, "".join(lines)) as draft:
            if present:
                _dress(draft, target)
            draft.replace(target)
            _sync(target.parent)


def create(path: Path, text: str) -> bool:
    """Write a new file of mode 0600; False when there is one, which stays as it is. Raises OSError.

    Of several that do this at once one does it, and nobody ever sees a part of it.
    """
    try:
        with _draft(path, text) as draft:
            os.link(draft, path)
            _sync(path.parent)
    except FileExistsError:
        return False
    return True


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Give a new file of mode 0600 that takes the path's place at the end; nothing of it is left if the body raises.

    Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _open_at_once(path: str, flags: int) -> int:
    # A pipe in the file's place must not be waited for.
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _dress(draft: Path, like: Path) -> None:
    found = like.stat()
    if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(draft, found.st_uid, found.st_gid)
    draft.chmod(found.st_mode & 0o777)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _draft(path: Path, text: str) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor has no path
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
