"""This machine: versions of Python, Leeward and its libraries, open files, time zones, who runs this."""

import os
import platform
import resource
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.operations.doctor.findings import Notes
from services.operations.doctor.requirements import Requirement, is_met, read_requirement
from shared.about import product_version
from shared.installed import intruders

OLDEST_PYTHON = (3, 11)
_FEW_FILES = 1024


def examine_machine(extras: Iterable[str], files_needed: int, notes: Notes) -> None:
    """Note what programs stand on; `extras` are those that this one is installed with."""
    notes.ok("leeward", f"Leeward {product_version()} in {sys.prefix}, run by the account {os.geteuid()}")
    if sys.version_info < OLDEST_PYTHON:
        notes.fail("python", f"Python {platform.python_version()} is too old", "install Python 3.11 or later")
    else:
        notes.ok("python", f"Python {platform.python_version()}")
    _judge_libraries(frozenset(extras), notes)
    _judge_names(notes)
    _judge_files(files_needed, notes)
    _judge_zones(notes)


def _judge_libraries(extras: frozenset[str], notes: Notes) -> None:
    try:
        lines = requires("leeward") or []
    except PackageNotFoundError:
        notes.skip("libraries", "Leeward runs from its sources and is not installed: nothing says which it needs")
        return
    wanted = [each for each in map(read_requirement, lines) if each.extra == "" or each.extra in extras]
    faults = list(_unmet(wanted))
    for what in faults:
        notes.fail("libraries", what, "install Leeward anew, with the constraints.txt of its release")
    if not faults:
        notes.ok("libraries", f"the {len(wanted)} libraries are of versions that Leeward is made for")


def _unmet(wanted: Iterable[Requirement]) -> Iterator[str]:
    for each in wanted:
        try:
            present = version(each.name)
        except PackageNotFoundError:
            yield f"{each.name} is not installed"
            continue
        if not is_met(each, present):
            yield f"{each.name} {present} is installed, and Leeward needs {each.versions}"


def _judge_names(notes: Notes) -> None:
    for fault in intruders(packages_distributions()):
        notes.warn("packages", fault, "install Leeward into a virtual environment of its own")


def _judge_files(needed: int, notes: Notes) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < needed:
        what = f"a process may have {most} open files, and up to {needed} are needed"
        notes.warn("open files", what, "raise LimitNOFILE (systemd), ulimit -n, or set LEEWARD_RUNNERS lower")
    else:
        told = "any number of" if most == resource.RLIM_INFINITY else str(most)
        notes.ok("open files", f"a process may have {told} open files")


def _judge_zones(notes: Notes) -> None:
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        notes.fail("time zones", "there is no time zone data", "pip install tzdata, or install the system's")
        return
    notes.ok("time zones", "time zone data is there")
