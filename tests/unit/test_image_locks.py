"""What the images install: pinned as everything is, by hash, all that a service needs and nothing else."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement

from tests.parts.dockerfiles import ROOT
from tests.parts.locks import Pin, normal, read_build_lock, read_lock

EXTRAS = {"scheduler": ("scheduler", "postgresql", "amqp", "tracing"), "vmwatch": ("vmwatch", "kubernetes")}
LOCKS = {**{service: read_lock(service) for service in EXTRAS}, "build": read_build_lock()}


@pytest.mark.parametrize("lock", LOCKS.values(), ids=list(LOCKS))
def test_a_lock_has_what_is_pinned_and_nothing_without_a_hash(lock: dict[str, Pin]) -> None:
    pinned = {normal(line.partition("==")[0]): line.partition("==")[2] for line in constraints()}
    assert {name: pin.version for name, pin in lock.items()} == {name: pinned[name] for name in lock}
    assert [name for name, pin in lock.items() if not pin.hashes] == []
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for pin in lock.values() for one in pin.hashes)


@pytest.mark.parametrize(("service", "extras"), EXTRAS.items())
def test_an_image_installs_all_that_its_service_needs_and_nothing_else(service: str, extras: tuple[str, ...]) -> None:
    assert read_lock(service).keys() == closure(named(extras))


def test_no_lock_names_an_address() -> None:
    files = [*ROOT.glob("services/*/requirements.txt"), ROOT / "services" / "build-requirements.txt"]
    assert len(files) == len(LOCKS)
    assert [file.name for file in files if re.search(r"://|--index|--find", file.read_text())] == []


def constraints() -> list[str]:
    return [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]


def named(extras: Iterable[str]) -> Iterator[Requirement]:
    """Yield what the project itself names, as it stands in pyproject.toml now."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in (*project["dependencies"], *(each for one in extras for each in project["optional-dependencies"][one])):
        yield Requirement(line)


def closure(wanted: Iterable[Requirement]) -> set[str]:
    """Return the names of everything that installing these on this machine brings along."""
    waiting, seen = list(wanted), set[str]()
    while waiting:
        requirement = waiting.pop()
        seen.add(_key(requirement))
        waiting.extend(needed for needed in _needed(requirement) if _key(needed) not in seen)
    return {key.partition("[")[0] for key in seen}


def _needed(requirement: Requirement) -> Iterator[Requirement]:
    try:
        lines = requires(requirement.name) or ()
    except PackageNotFoundError:
        return  # Qpid Proton, without a compiler: what it needs others bring, too
    for needed in map(Requirement, lines):
        extras = requirement.extras or {""}
        if needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in extras):
            yield needed


def _key(requirement: Requirement) -> str:
    return f"{normal(requirement.name)}[{','.join(sorted(requirement.extras))}]"
