"""Whose settings are looked at, and where they come from: this shell's, a file's, or a running process's."""

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from services.operations.doctor.as_scheduler import is_installed
from services.scheduler.settings import Settings as SchedulerSettings
from services.vmwatch.settings import Settings as VmwatchSettings
from shared.atomic_files import read_bounded
from shared.settings import PREFIX

_MOST_BYTES = 1 << 20
_MODULES = ("services.vmwatch", "leeward-vmwatch")


class Role(StrEnum):
    """Which service the settings are for."""

    SCHEDULER = "scheduler"
    VMWATCH = "vmwatch"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The variables and flags of a service, and where from, in plain words; they may hold secrets."""

    environment: Mapping[str, str]
    flags: tuple[str, ...] = ()
    origin: str = "this environment"

    def __repr__(self) -> str:
        """Return the form for debuggers, without any value."""
        return f"Given(origin={self.origin!r})"

    @property
    def names(self) -> list[str]:
        """The names of Leeward's variables among them."""
        return sorted(name for name in self.environment if name.startswith(PREFIX))


def given_by_file(file: Path, environment: Mapping[str, str], flags: Sequence[str]) -> Given:
    """Return what a file of systemd's form adds to the environment. Raises OSError, ValueError."""
    lines = (line.strip() for line in read_bounded(file, _MOST_BYTES).splitlines())
    pairs = (line.removeprefix("export ").partition("=") for line in lines if line and line[0] not in "#;")
    read = {name.strip(): _unquoted(value.strip()) for name, equals, value in pairs if equals}
    return Given(environment={**environment, **read}, flags=tuple(flags), origin=str(file))


def given_by_process(pid: int) -> tuple[Given, Role]:
    """Return what a running service was given, and which one it is. Raises OSError: it is gone, or another's."""
    folder = Path("/proc") / str(pid)
    entries = (entry.partition("=") for entry in _parts(folder / "environ"))
    command = _parts(folder / "cmdline")
    first = next((place for place, word in enumerate(command) if word.startswith("--")), len(command))
    role = Role.VMWATCH if any(name in word for word in command[:first] for name in _MODULES) else Role.SCHEDULER
    environment = {name: value for name, _, value in entries}
    return Given(environment=environment, flags=tuple(command[first:]), origin=f"process {pid}"), role


def guess_role(environment: Mapping[str, str]) -> Role:
    """Return whose settings these are: by variables that only one service has, else by what is installed here."""
    if not is_installed():
        return Role.VMWATCH
    scheduler, vmwatch = _variables(SchedulerSettings), _variables(VmwatchSettings)
    only_vmwatch = (vmwatch - scheduler) & environment.keys()
    return Role.VMWATCH if only_vmwatch and not (scheduler - vmwatch) & environment.keys() else Role.SCHEDULER


def _variables(kind: type[msgspec.Struct]) -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in kind.__struct_fields__}


def _parts(file: Path) -> list[str]:
    return [os.fsdecode(part) for part in file.read_bytes().split(b"\0") if part]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
