"""From a database to a backup."""

from collections.abc import Callable
from typing import BinaryIO

from services.operations.backup.archive import ArchiveWriter
from services.operations.backup.manifest import FORM, Manifest
from services.scheduler.store.dumps import HISTORY, Dumps, Snapshot
from shared.about import product_version

Report = Callable[[str, int], None]
"""Is told the table at hand and how many of its rows are done."""


async def write_backup(dumps: Dumps, file: BinaryIO, *, history: bool, keys: str | None, report: Report) -> Manifest:
    """Write the database as it is at one instant, and the text of the keys file if given; schedulers go on meanwhile.

    Raises what `Dumps.snapshot` does, and OSError.
    """
    async with dumps.snapshot() as snapshot:
        with ArchiveWriter(file) as writer:
            await _write_rows(snapshot, writer, history=history, report=report)
            manifest = Manifest(
                form=FORM,
                leeward=product_version(),
                level=snapshot.level,
                engine=snapshot.engine,
                taken_at=snapshot.taken_at,
                history=history,
                numbers=dict(snapshot.numbers),
                sealed_under=tuple(sorted(await snapshot.sealed_under())),
                parts=tuple(writer.parts),
                keys=None if keys is None else writer.add_keys(keys),
            )
            writer.finish(manifest)
    return manifest


async def _write_rows(snapshot: Snapshot, writer: ArchiveWriter, *, history: bool, report: Report) -> None:
    for shape in snapshot.shapes:
        if shape.table in HISTORY and not history:
            continue
        with writer.part(shape) as part:
            async for rows in snapshot.pages(shape):
                part.write(rows)
                report(shape.table, part.rows)
