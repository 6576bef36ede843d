"""What a backup says of itself: who made it, of what, when, and how to know that all of it is there."""

from datetime import datetime

import msgspec

from services.operations.errors import ArchiveError
from services.scheduler.store.dumps import HISTORY, Engine, Shape
from services.scheduler.store.sql.migrate import migrations
from services.scheduler.store.sql.plain_rows import TABLES

FORM = 1
"""Rises when a reader of the present form could not read a new one."""


class Content(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How much a file of the archive holds, uncompressed, and its SHA-256 in hex."""

    size: int
    sha256: str


class Part(Content, frozen=True, kw_only=True):
    """The rows of one table."""

    table: str
    columns: tuple[str, ...]
    rows: int

    @property
    def shape(self) -> Shape:
        """The form of its rows."""
        return Shape(self.table, self.columns)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The backup as a whole. `sealed_under` are the ids of the keys that its secrets are sealed under; `keys` is the
    keys file, where it was asked to come along.
    """

    form: int
    leeward: str
    level: int
    engine: Engine
    taken_at: datetime
    history: bool
    numbers: dict[str, int]
    sealed_under: tuple[str, ...]
    parts: tuple[Part, ...]
    keys: Content | None = None

    def check(self) -> None:
        """Raise ArchiveError for one that this program cannot restore."""
        newest = max(migrations())
        if self.form > FORM or self.level > newest:
            raise ArchiveError(
                f"it was made by Leeward {self.leeward} (schema level {self.level}, form {self.form}); this one knows "
                f"levels up to {newest} and form {FORM}: install Leeward {self.leeward} or a later one"
            )
        tables = [part.table for part in self.parts]
        if self.level < 1 or len(set(tables)) != len(tables):
            raise ArchiveError("its manifest contradicts itself")
        if self.history and not set(tables) >= {"history"}:
            raise ArchiveError("its manifest lists no history and says that there is one")
        for part in self.parts:
            if part.table not in TABLES or (part.table in HISTORY and not self.history):
                raise ArchiveError(f"its manifest lists table {part.table!r}, which no backup of this kind has")

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(part.rows for part in self.parts)

    def in_order(self) -> list[Part]:
        """Return the parts, those first whose rows others refer to."""
        order = list(TABLES)
        return sorted(self.parts, key=lambda part: order.index(part.table))


def read_manifest(text: bytes) -> Manifest:
    """Return the manifest in a text, not judged yet. Raises ArchiveError."""
    try:
        form = msgspec.json.decode(text, type=_Form)
        if form.form > FORM:
            raise ArchiveError(f"it was made by Leeward {form.leeward}: install that version or a later one")
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise ArchiveError(f"its manifest cannot be read: {fault}") from None


class _Form(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a manifest that every version has."""

    form: int
    leeward: str
