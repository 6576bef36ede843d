"""`leeward backup` and `leeward restore`, for the client's command line."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import click
import msgspec

from services.client.command import Command, Target, pass_target
from services.client.errors import NotReachableError, RefusedError
from services.client.output import show_document
from services.client.progress import bars
from services.operations.backup.archive import Archive
from services.operations.backup.keys import brought_back, keys_text, missing_keys
from services.operations.backup.manifest import Manifest
from services.operations.backup.restoring import restore as restore_rows
from services.operations.backup.restoring import verify as verify_rows
from services.operations.backup.writing import write_backup
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.open import open_dumps
from services.scheduler.vault.open import keys_place
from shared.atomic_files import writing
from shared.errors import PermanentError
from shared.settings import masked

_STANDARD = Path("-")
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
_DATABASE = click.option(
    "--database-url",
    metavar="URL",
    envvar="LEEWARD_DATABASE_URL",
    default="sqlite:///leeward.db",
    help="The database [default: LEEWARD_DATABASE_URL, else sqlite:///leeward.db].",
)
_KEYS = click.option(
    "--keys-file",
    metavar="FILE",
    envvar="LEEWARD_SECRET_KEYS_FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The keys [default: LEEWARD_SECRET_KEYS_FILE, else beside the SQLite file].",
)


@click.command(cls=Command)
@_FILE
@_DATABASE
@_KEYS
@click.option("--without-history", is_flag=True, help="Leave out what ran; jobs, events and the audit log come along.")
@click.option("--with-keys", is_flag=True, help="Take the keys file along: whoever has FILE can read every secret.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
@click.option("--verify", is_flag=True, help="Write nothing: check every row of FILE, which needs no database.")
@pass_target
def backup(
    target: Target,
    file: Path,
    *,
    database_url: str,
    keys_file: Path | None,
    without_history: bool,
    with_keys: bool,
    overwrite: bool,
    verify: bool,
) -> None:
    """Write everything in the database to FILE (- is standard output), while the schedulers go on.

    \b
    leeward backup leeward-2026-11-22.zip
    leeward backup --verify leeward-2026-11-22.zip
    leeward backup - --database-url postgresql://leeward@db/leeward | age -r KEY > leeward.zip.age
    """
    with _told():
        if verify:
            _verify(target, file)
            return
        keys = keys_text(keys_place(keys_file, database_url)) if with_keys else None
        with _destination(file, overwrite=overwrite) as out, bars("reading", None, unit="rows") as report:
            manifest = asyncio.run(
                write_backup(open_dumps(database_url), out, history=not without_history, keys=keys, report=report)
            )
    if with_keys:
        click.echo(f"warning: {file} holds the keys: whoever has it can read every secret of the jobs", err=True)
    elif manifest.sealed_under:
        click.echo(
            f"secrets are sealed under {_keys(manifest.sealed_under)}: keep a copy of the keys file, apart from this",
            err=True,
        )
    _say(target, f"{file}: {_summary(manifest)}", manifest, err=file == _STANDARD)


@click.command(cls=Command)
@_FILE
@_DATABASE
@_KEYS
@click.option("--replace", is_flag=True, help="Throw away what the database holds.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_target
def restore(target: Target, file: Path, *, database_url: str, keys_file: Path | None, replace: bool, yes: bool) -> None:
    """Make a database anew from FILE (- is standard input), of whichever kind FILE is: whole, or not at all.

    No scheduler may be alive on it. Those that start afterwards take up what was under way at the backup, and what came
    due since then as each job's `catchUp` says.

    \b
    leeward restore leeward-2026-11-22.zip
    leeward restore leeward-2026-11-22.zip --database-url postgresql://leeward@db/leeward
    """
    keys_at = keys_place(keys_file, database_url)
    with _told(), _source(file) as source, Archive.opened(source) as archive:
        manifest = archive.manifest
        if replace and not yes:
            click.confirm(f"Replace all that is in {_masked(database_url)} by {_summary(manifest)}?", abort=True)
        totals = {part.table: part.rows for part in manifest.parts}
        with brought_back(archive.keys(), keys_at) as made, bars("writing", totals, unit="rows") as report:
            lacking = missing_keys(manifest, keys_at)  # before anything is replaced: the keys may be unreadable
            asyncio.run(restore_rows(archive, open_dumps(database_url), replace=replace, report=report))
    if made:
        click.echo(f"the keys are in {keys_at}", err=True)
    if lacking:
        click.echo(
            f"warning: secrets are sealed under {_keys(lacking)}, which is not in {keys_at or 'any keys file'}: "
            "put the keys there before a scheduler starts",
            err=True,
        )
    _say(target, f"{_masked(database_url)} has {_summary(manifest)}", manifest)


def _verify(target: Target, file: Path) -> None:
    with _source(file) as source, Archive.opened(source) as archive:
        manifest = archive.manifest
        with bars("checking", {part.table: part.rows for part in manifest.parts}, unit="rows") as report:
            verify_rows(archive, report)
    _say(target, f"{file} is sound: {_summary(manifest)}", manifest)


def _say(target: Target, sentence: str, manifest: Manifest, *, err: bool = False) -> None:
    if not target.shape.is_document or err:
        click.echo(sentence, err=err)
    else:
        show_document(msgspec.to_builtins(manifest), target.shape)


def _summary(manifest: Manifest) -> str:
    rows = {part.table: part.rows for part in manifest.parts}
    counted = f"{rows.get('jobs', 0):,} jobs in {rows.get('collections', 0):,} collections"
    history = f"{rows['history']:,} rows of history" if manifest.history else "no history"
    return (
        f"{counted}, {history}, {manifest.rows:,} rows in all, as of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC "
        f"(Leeward {manifest.leeward}, schema level {manifest.level}, from {manifest.engine})"
    )


def _keys(ids: tuple[str, ...] | list[str]) -> str:
    return f"key{'s' if len(ids) > 1 else ''} {', '.join(ids)}"


class _Place(msgspec.Struct):
    """A database as it may be shown."""

    database_url: str


def _masked(url: str) -> str:
    return masked(_Place(url))["database_url"]


@contextmanager
def _destination(file: Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    if file == _STANDARD:
        if sys.stdout.isatty():
            raise click.UsageError("a backup is no text: redirect standard output, or name a file")
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if file.exists() and not overwrite:
        raise RefusedError(f"{file} is there: name another file, or add --overwrite")
    with writing(file) as out:
        yield out


@contextmanager
def _source(file: Path) -> Iterator[BinaryIO]:
    """Give a file that can be read from anywhere; what comes from a pipe is put into one that has no name."""
    with ExitStack() as stack:
        if file != _STANDARD:
            yield stack.enter_context(file.open("rb"))
            return
        kept = stack.enter_context(TemporaryFile())
        while chunk := sys.stdin.buffer.read(1 << 20):
            kept.write(chunk)
        yield kept


@contextmanager
def _told() -> Iterator[None]:
    """Say what went wrong as commands say it."""
    try:
        yield
    except PermanentError as fault:
        raise RefusedError(str(fault)) from fault
    except StoreUnavailableError as fault:
        raise NotReachableError(str(fault)) from fault
    except OSError as fault:
        raise RefusedError(f"{fault.filename or 'the file'}: {fault.strerror or fault}") from fault
