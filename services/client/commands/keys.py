"""`leeward keys`: the file of keys that seal the secrets of jobs. Works on the file; no scheduler is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click

from services.client.command import Group, Target, pass_target
from services.client.errors import RefusedError
from services.client.output import field, say, show_rows
from services.client.rhythm import iso_length
from shared.clock import SystemClock
from shared.durations import parse_duration
from shared.entries import write_time
from shared.keyfile import (
    KeysFileError,
    SealingKey,
    add_key,
    create_keys,
    load_keys,
    new_key,
    remove_key,
    sealing_key,
)

_COLUMNS = (
    field("KEY", "key", whole=True),
    field("SEALS", "seals"),
    field("FROM", "from"),
)
_METRIC = "leeward_secrets_under_old_keys"
_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group(cls=Group)
def keys() -> None:
    """Keys: what seals the secrets of jobs (LEEWARD_SECRET_KEYS_FILE).

    The file is read again by running schedulers when it changes. Keep a copy of it, apart from the database's.
    """


@keys.command("list")
@_FILE
@pass_target
def list_(target: Target, file: Path) -> None:
    """List the keys in FILE, never the keys themselves.

    \b
    leeward keys list leeward.keys
    """
    with _told():
        found = load_keys(file)
    present = sealing_key(found, SystemClock().now())
    rows = [
        {
            "key": key.id,
            "seals": _part_of(key, present),
            "from": _time(key),
        }
        for key in found
    ]
    show_rows(rows, _COLUMNS, target.shape)


@keys.command()
@_FILE
@pass_target
def create(target: Target, file: Path) -> None:
    """Make FILE with a first key; one that exists is left as it is.

    \b
    leeward keys create new.keys
    """
    key = new_key(SystemClock().now())
    with _told():
        if not create_keys(file, key):
            raise RefusedError(f"{file} exists: add a key with leeward keys rotate {file}")
    say(f"{file} made with key {key.id}: keep a copy of it, apart from the database's", {"key": key.id}, target.shape)


@keys.command()
@_FILE
@click.option("--after", metavar="LENGTH", default="2m", help="When it begins to seal, so that every replica has it.")
@click.option("--at-once", is_flag=True, help="It seals from now on: for one scheduler that reads this very file.")
@pass_target
def rotate(target: Target, file: Path, *, after: str, at_once: bool) -> None:
    """Add a key to FILE, which seals from then on; what is under older ones is sealed anew.

    \b
    leeward keys rotate leeward.keys                   every replica reads this file
    leeward keys rotate leeward.keys --after 15m       it goes to them some other way, as a Kubernetes Secret
    """
    now = SystemClock().now()
    key = new_key(now, seals_from=now if at_once else now + _length(after))
    with _told():
        add_key(file, key)
    say(f"key {key.id} added, seals from {_time(key)}", {"key": key.id, "from": _time(key)}, target.shape)


@keys.command()
@_FILE
@click.argument("key", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_target
def retire(target: Target, file: Path, key: str, *, yes: bool) -> None:
    """Remove key ID from FILE, once nothing is sealed under it any more.

    What still is can never be read again: look at the metric leeward_secrets_under_old_keys of every scheduler first.

    \b
    leeward keys list leeward.keys
    leeward keys retire leeward.keys 20260301-5f0c11aa --yes
    """
    if not yes:
        click.confirm(f"Does {_METRIC} say 0 on every scheduler that reads {file}?", abort=True)
    with _told():
        remove_key(file, key, SystemClock().now())
    say(f"key {key} removed from {file}", {"removed": key}, target.shape)


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong with a file as commands say it."""
    try:
        yield
    except KeysFileError as fault:
        raise RefusedError(str(fault)) from None


def _part_of(key: SealingKey, present: SealingKey) -> str:
    if key == present:
        return "now"
    later = key.seals_from is not None and (present.seals_from is None or key.seals_from > present.seals_from)
    return "later" if later else "no more"


def _time(key: SealingKey) -> str | None:
    return None if key.seals_from is None else write_time(key.seals_from)


def _length(text: str) -> timedelta:
    try:
        length = parse_duration(iso_length(text) or "")
    except ValueError as fault:
        raise click.BadParameter(str(fault), param_hint="--after") from None
    if length < timedelta(0):
        raise click.BadParameter("must not be negative", param_hint="--after")
    return length
