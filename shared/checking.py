"""`--check`: says whether a program could start with its settings and the files that they name, and starts nothing."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from shared.certificates import CertificateFacts, read_certificates
from shared.errors import LeewardError
from shared.lifecycle import FAULT_EXIT_CODE

HELP_FLAGS = frozenset({"-h", "--help"})
CHECK_FLAG = "--check"
CHECK_HELP = f"""\
  {CHECK_FLAG}
      only read the settings and the files that they name, say what is wrong with them, and end: exit code 0 or 2

"""


class NamedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file and the variable that names it; `is_secret` when it is for its readers' eyes only."""

    variable: str
    path: Path | None
    is_secret: bool = False


def without_check(arguments: Sequence[str]) -> tuple[bool, tuple[str, ...]]:
    """Return whether a check is asked for, and the other arguments."""
    others = tuple(argument for argument in arguments if argument != CHECK_FLAG)
    return len(others) < len(arguments), others


def report(program: str, faults: Iterable[str], remarks: Iterable[str] = ()) -> int:
    """Print what keeps the program from starting and what only deserves a look; return the exit code."""
    found, beside = list(faults), list(remarks)
    if found:
        _write("these settings cannot be used:", found)
    if beside:
        _write("to be looked at, though the program starts:", beside)
    if found:
        return FAULT_EXIT_CODE
    sys.stdout.write(f"{program}: the settings, and the files that they name, can be used\n")
    return 0


def faults_of(*steps: Callable[[], object]) -> Iterator[str]:
    """Yield what each step raises; one that fails keeps no other from being made."""
    for step in steps:
        try:
            step()
        except (LeewardError, ValueError) as fault:
            yield str(fault)


def expired(files: Iterable[NamedFile], now: datetime) -> Iterator[str]:
    """Yield which certificates are not good at an instant: they may be renewed while the program runs."""
    for file in files:
        for facts in _certificates(file.path)[:1]:
            if not facts.is_good(now):
                span = f"{facts.begins_at:%Y-%m-%d %H:%M} to {facts.expires_at:%Y-%m-%d %H:%M} UTC"
                yield f"{file.variable}={file.path} is good from {span} only: renew it, or look at this machine's clock"


def _certificates(path: Path | None) -> tuple[CertificateFacts, ...]:
    try:
        return read_certificates(path) if path is not None else ()
    except (OSError, ValueError):
        return ()  # whoever needs the file says so


def _write(title: str, entries: Iterable[str]) -> None:
    lines = (f"  {line}" for entry in entries for line in entry.splitlines())
    sys.stderr.write("\n".join([title, *lines, ""]))
