"""The files that the settings name: whether they can be used, who may read them, until when they are good."""

import stat
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from services.operations.doctor.findings import Notes
from shared.certificates import read_certificates
from shared.checking import NamedFile

_OTHERS = stat.S_IRWXO


def examine_files(
    faults: Iterable[str], certificates: Sequence[NamedFile], others: Sequence[NamedFile], now: datetime, notes: Notes
) -> None:
    """Note what a program's own check says of its files, then what it does not look at."""
    found = list(faults)
    for fault in found:
        notes.fail("use", fault, "correct the file, or the setting that names it")
    for file in (*certificates, *others):
        if file.path is not None and file.is_secret:
            _judge_mode(file, file.path, notes)
    for file in certificates:
        if file.path is not None:
            _judge_span(file, file.path, now, notes)
    named = sum(file.path is not None for file in (*certificates, *others))
    if not found:
        notes.ok(
            "use", f"the {named} files that the settings name can be used" if named else "the settings name no file"
        )


def _judge_mode(file: NamedFile, path: Path, notes: Notes) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # whoever needs it has said so
    if mode & _OTHERS:
        what = f"{file.variable}={path} may be read or changed by everybody on this machine"
        notes.warn("access", what, f"chmod 640 {path}, or 600; a mounted Secret takes defaultMode: 0440")


def _judge_span(file: NamedFile, path: Path, now: datetime, notes: Notes) -> None:
    try:
        facts = min(read_certificates(path), key=lambda each: each.expires_at)
    except (OSError, ValueError):
        return  # whoever needs it has said so
    expiry = facts.expires_at
    text = f"{file.variable}={path} is good until {expiry:%Y-%m-%d %H:%M} UTC"
    if expiry <= now:
        notes.fail("expiry", f"{file.variable}={path} expired at {expiry:%Y-%m-%d %H:%M} UTC", "renew it")
    elif facts.ends_soon(now):
        notes.warn("expiry", f"{text}: {(expiry - now).days} days", "renew it; it is read again without a restart")
    else:
        notes.ok("expiry", text)
