"""From a backup to a database, and whether a backup is one."""

from collections.abc import Iterator, Sequence

from services.operations.backup.archive import Archive
from services.operations.backup.manifest import Part
from services.operations.backup.writing import Report
from services.operations.errors import ArchiveError
from services.scheduler.store.dumps import Dumps, Row
from services.scheduler.store.sql.plain_rows import Reader


async def restore(archive: Archive, dumps: Dumps, *, replace: bool, report: Report) -> None:
    """Make a database anew from a backup, whole or not at all.

    Raises ArchiveError before anything is touched when a sum is wrong, later (and nothing has changed either) when rows
    are no rows; and what `Dumps.refill` does.
    """
    archive.check()
    manifest = archive.manifest
    readers = [(part, _reader(part)) for part in manifest.in_order()]
    shapes = [part.shape for part, _ in readers]
    async with dumps.refill(manifest.level, shapes, manifest.numbers, replace=replace) as filling:
        for part, reader in readers:
            done = 0
            for rows in _rows(archive, part, reader):
                await filling.insert(part.shape, rows)
                done += len(rows)
                report(part.table, done)


def verify(archive: Archive, report: Report) -> None:
    """Read every row of a backup as a restore would. Raises ArchiveError that says what is wrong, and where."""
    archive.check()
    for part in archive.manifest.in_order():
        done = 0
        for rows in _rows(archive, part, _reader(part)):
            done += len(rows)
            report(part.table, done)


def _reader(part: Part) -> Reader:
    try:
        return Reader(part.shape)
    except ValueError as fault:
        raise ArchiveError(str(fault)) from None


def _rows(archive: Archive, part: Part, reader: Reader) -> Iterator[Sequence[Row]]:
    done = 0
    for lines in archive.lines(part):
        try:
            rows = reader.rows(lines)
        except ValueError as fault:
            raise ArchiveError(f"rows of {part.table}, after the first {done:,}: {fault}") from None
        done += len(rows)
        yield rows
    if done != part.rows:
        raise ArchiveError(f"rows of {part.table}: there are {done:,}, and should be {part.rows:,}")
