"""A backup as a file: a zip with a manifest and, for each table, a file of rows, one JSON array a line.

The names of the files in it are known beforehand and nothing is ever unpacked by name. Reading trusts nothing: neither
sizes nor names nor what is inside, and takes no more memory for a long file than for a short one.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from types import TracebackType
from typing import IO, BinaryIO, Self

import msgspec

from services.operations.backup.manifest import Content, Manifest, Part, read_manifest
from services.operations.errors import ArchiveError
from services.scheduler.store.dumps import Row, Shape
from services.scheduler.store.sql.plain_rows import TABLES

_MANIFEST = "manifest.json"
_KEYS = "leeward.keys"
_ROWS: Mapping[str, str] = {table: f"rows/{table}.ndjson" for table in TABLES}
_LEVEL = 3
"""Of zlib: level 6 halves the pace for a twentieth of the size (measured with histories)."""
_CHUNK = 1 << 18
_LONGEST_LINE = 1 << 24
_MOST_MANIFEST = 1 << 20
_MOST_KEYS = 1 << 20
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class ArchiveWriter:
    """Writes a backup, to a file or a pipe."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to `file`, which stays open."""
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self.parts: list[Part] = []

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the zip. Without its manifest it is no backup."""
        with nullcontext() if kind is None else suppress(OSError):
            self._zip.close()

    @contextmanager
    def part(self, shape: Shape) -> Iterator["PartWriter"]:
        """Give what takes the rows of a table; it is listed in `parts` afterwards."""
        with self._zip.open(_ROWS[shape.table], "w", force_zip64=True) as file:
            writer = PartWriter(file)
            yield writer
        content = writer.content()
        self.parts.append(
            Part(table=shape.table, columns=shape.columns, rows=writer.rows, size=content.size, sha256=content.sha256)
        )

    def add_keys(self, text: str) -> Content:
        """Add the keys file."""
        return self._add(_KEYS, text.encode())

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, with which it is a backup."""
        self._add(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")

    def _add(self, name: str, content: bytes) -> Content:
        self._zip.writestr(name, content)
        return Content(size=len(content), sha256=hashlib.sha256(content).hexdigest())


class PartWriter:
    """Takes rows and counts them."""

    def __init__(self, file: IO[bytes]) -> None:
        """Write to an open file of the archive."""
        self.rows = 0
        self._file = file
        self._encoder = msgspec.json.Encoder()
        self._size = 0
        self._hash = hashlib.sha256()

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows, one a line."""
        lines = self._encoder.encode_lines(rows)
        self._file.write(lines)
        self._hash.update(lines)
        self._size += len(lines)
        self.rows += len(rows)

    def content(self) -> Content:
        """Return how much was written."""
        return Content(size=self._size, sha256=self._hash.hexdigest())


class Archive:
    """Reads a backup."""

    def __init__(self, file: BinaryIO) -> None:
        """Look through a file that can be read from anywhere. Raises ArchiveError for one that is no sound backup."""
        with _damage("the file is no backup, or only a part of one"):
            self._zip = zipfile.ZipFile(file)
        infos = self._zip.infolist()
        self._infos = {info.filename: info for info in infos}
        if len(self._infos) != len(infos):
            raise ArchiveError("the archive has two files of one name")
        for info in infos:
            _check_entry(info)
        if _MANIFEST not in self._infos:
            raise ArchiveError("the archive has no manifest: it is no backup of Leeward's, or an unfinished one")
        self.manifest = read_manifest(self._whole(_MANIFEST, _MOST_MANIFEST))
        self.manifest.check()
        self._check_names()

    @classmethod
    @contextmanager
    def opened(cls, file: BinaryIO) -> Iterator[Self]:
        """Give a reader that is closed at the end."""
        archive = cls(file)
        try:
            yield archive
        finally:
            archive._zip.close()

    def check(self) -> None:
        """Read all of it. Raises ArchiveError unless every file is what the manifest says."""
        for part in self.manifest.parts:
            for _ in self.lines(part):
                pass
        self.keys()

    def keys(self) -> str | None:
        """Return the text of the keys file; None when it did not come along."""
        told = self.manifest.keys
        if told is None:
            return None
        content = self._whole(_KEYS, _MOST_KEYS)
        if hashlib.sha256(content).hexdigest() != told.sha256:
            raise ArchiveError(f"{_KEYS} is not what the manifest says: the file was changed or damaged")
        with _damage(f"{_KEYS} is no text"):
            return content.decode()

    def lines(self, part: Part) -> Iterator[bytes]:
        """Yield the rows of a part, some whole lines at a time; raises ArchiveError if they are not all and sound."""
        name = _ROWS[part.table]
        digest, size, rows, rest = hashlib.sha256(), 0, 0, b""
        for chunk in self._chunks(name):
            digest.update(chunk)
            size += len(chunk)
            if size > part.size:
                break
            whole, end, begun = chunk.rpartition(b"\n")
            if end:
                lines = b"".join((rest, whole, end))
                rows += lines.count(b"\n")
                rest = begun
                yield lines
            else:
                rest += begun
            if len(rest) > _LONGEST_LINE:
                raise ArchiveError(f"{name} has a line of more than {_LONGEST_LINE:,} bytes")
        if rest or (size, rows, digest.hexdigest()) != (part.size, part.rows, part.sha256):
            raise ArchiveError(f"{name} is not what the manifest says: the file was changed or damaged")

    def _chunks(self, name: str) -> Iterator[bytes]:
        with _damage(f"{name} is damaged"), self._zip.open(self._infos[name]) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def _whole(self, name: str, most: int) -> bytes:
        with _damage(f"{name} is damaged"), self._zip.open(self._infos[name]) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise ArchiveError(f"{name} has more than {most:,} bytes")
        return content

    def _check_names(self) -> None:
        """Raise ArchiveError unless the archive has exactly the files that the manifest lists."""
        told = {_MANIFEST: None, **{_ROWS[part.table]: part.size for part in self.manifest.parts}}
        if self.manifest.keys is not None:
            told[_KEYS] = self.manifest.keys.size
        if odd := sorted(self._infos.keys() ^ told.keys()):
            raise ArchiveError(f"the archive and its manifest disagree about {ascii(odd[0])[:80]}")
        for name, size in told.items():
            if size is not None and self._infos[name].file_size != size:
                raise ArchiveError(f"{name} is not as long as the manifest says: the file was changed or damaged")


def _check_entry(info: zipfile.ZipInfo) -> None:
    """Raise ArchiveError for a file that no backup has, before any of it is unpacked."""
    name = ascii(info.filename)[:80]
    if info.filename not in (_MANIFEST, _KEYS, *_ROWS.values()):
        raise ArchiveError(f"the archive has a file {name}, which no backup has")
    if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveError(f"{name} is encrypted, or packed in a way that no backup is")


@contextmanager
def _damage(what: str) -> Iterator[None]:
    """Turn what a damaged zip raises into an ArchiveError."""
    try:
        yield
    except ArchiveError:
        raise
    except _DAMAGE as fault:
        raise ArchiveError(f"{what} ({str(fault) or type(fault).__name__})") from None
