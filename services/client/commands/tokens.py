"""`leeward tokens`: the file of who may call the API. Works on the file; no scheduler is asked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click

from services.client.command import Group, Target, pass_target
from services.client.errors import NotFoundError, RefusedError
from services.client.output import field, say, show_document, show_rows
from services.client.rhythm import iso_length
from shared.atomic_files import changing, read_bounded
from shared.clock import SystemClock
from shared.durations import parse_duration
from shared.entries import read_time, write_time
from shared.tokens import (
    MOST_BYTES,
    ROLES,
    TOKEN_BYTES,
    TokenEntry,
    add_token,
    digest_of,
    read_tokens,
    remove_token,
    token_of,
)

_COLUMNS = (
    field("NAME", "name", whole=True),
    field("ROLE", "role"),
    field("COLLECTIONS", "collections"),
    field("EXPIRES", "expires"),
)
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group(cls=Group)
def tokens() -> None:
    """Tokens: who may call the API (LEEWARD_TOKENS_FILE).

    The file holds hashes only. Running schedulers read it again when it changes.
    """


@tokens.command("list")
@_FILE
@pass_target
def list_(target: Target, file: Path) -> None:
    """List who has a token in FILE.

    \b
    leeward tokens list tokens
    """
    with _told(file):
        entries = read_tokens(read_bounded(file, MOST_BYTES))
    show_rows([_row(entry) for entry in entries], _COLUMNS, target.shape)


@tokens.command()
@_FILE
@click.argument("name", metavar="NAME")
@click.option("--role", type=click.Choice(ROLES), default="reader", show_default=True, help="Look, or change as well.")
@click.option(
    "--collection",
    "collections",
    metavar="NAME",
    multiple=True,
    help="See nothing but this collection; SUBSCRIPTION/GROUP/NAME for one of another group. May be repeated.",
)
@click.option("--expires", metavar="WHEN", help="After a length, such as 90d or P90D, or at a time with its offset.")
@pass_target
def add(target: Target, file: Path, name: str, *, role: str, collections: tuple[str, ...], expires: str | None) -> None:
    """Add a caller to FILE and print its token, which is shown this once only.

    \b
    leeward tokens add tokens alice --role operator
    leeward tokens add tokens dashboard --collection orders --expires 90d
    """
    token = token_of(os.urandom(TOKEN_BYTES))
    with _told(file):
        entry = TokenEntry(
            name=name,
            role=role,
            digest=digest_of(token),
            collections=collections or None,
            expires_at=None if expires is None else _instant(expires),
        )
        with changing(file) as lines:
            add_token(lines, entry)
    if not target.shape.is_document:
        click.echo(f"{_sentence(entry)}; its token, shown this once only:", err=True)
        click.echo(token)
    else:
        show_document({**_row(entry), "token": token}, target.shape)


@tokens.command()
@_FILE
@click.argument("name", metavar="NAME")
@pass_target
def remove(target: Target, file: Path, name: str) -> None:
    """Remove a caller from FILE: its token, and sessions that began with it, are refused within a second.

    \b
    leeward tokens remove tokens ops
    """
    if not file.exists():
        raise NotFoundError(f"{file} does not exist")
    with _told(file), changing(file) as lines:
        remove_token(lines, name)
    say(f"{name} removed from {file}", {"removed": name}, target.shape)


@contextmanager
def _told(file: Path) -> Iterator[None]:
    """Say what is wrong with a file as commands say it."""
    try:
        yield
    except OSError as fault:
        raise RefusedError(f"{file}: {fault.strerror or fault}") from None
    except ValueError as fault:
        raise RefusedError(f"{file}: {'; '.join(map(str, fault.args))}") from None


def _row(entry: TokenEntry) -> dict[str, object]:
    expires = None if entry.expires_at is None else write_time(entry.expires_at)
    return {
        "name": entry.name,
        "role": entry.role,
        "collections": None if entry.collections is None else list(entry.collections),
        "expires": expires,
    }


def _sentence(entry: TokenEntry) -> str:
    seen = "all collections" if entry.collections is None else ", ".join(entry.collections)
    until = "" if entry.expires_at is None else f" until {write_time(entry.expires_at)}"
    return f"{entry.name} is {entry.role} of {seen}{until}"


def _instant(text: str) -> datetime:
    """Return when a token ends: after a length from now, or at a time."""
    now = SystemClock().now()
    try:
        ends_at = now + parse_duration(iso_length(text) or "")
    except (ValueError, OverflowError):
        ends_at = _time(text)
    if ends_at <= now:
        raise click.BadParameter("is past already", param_hint="--expires")
    return ends_at


def _time(text: str) -> datetime:
    try:
        return read_time(text)
    except ValueError:
        raise click.BadParameter(f"{text!r}: write 90d, P90D or 2027-01-31T00:00:00Z", param_hint="--expires") from None
