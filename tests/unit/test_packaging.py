"""The distribution: its import packages are its own, and each part needs no more than its extra brings."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = {"services", "shared"}
LOADED_BY_PYTEST = "pytest_plugin.py"
"""Of this name only pytest imports a module, by its entry point: who has no pytest has no need of one."""
NEEDS = {
    "shared": (),
    "services/client": (),
    "services/vmwatch": ("vmwatch", "kubernetes"),
    "services/scheduler": ("scheduler", "postgresql", "amqp", "tracing"),
    "services/local": ("local",),
}


def project() -> dict[str, Any]:
    described: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return described


def distributions(*extras: str) -> set[str]:
    """Return the normalised names of what `pip install leeward[extras]` names itself."""
    described = project()
    wanted = [*described["dependencies"], *(line for extra in extras for line in required(described, extra))]
    return {re.split(r"[\s\[<>=!;~]", line, maxsplit=1)[0].lower().replace("_", "-") for line in wanted}


def required(described: dict[str, Any], extra: str) -> Iterator[str]:
    for line in described["optional-dependencies"][extra]:
        own = re.fullmatch(r"leeward\[(.+)\]", line)
        if own is None:
            yield line
        else:
            for other in own[1].split(","):
                yield from required(described, other)


def imported(folder: Path) -> set[str]:
    """Return the names of the top-level packages, not of the standard library, that the code in a folder imports."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        if file.name == LOADED_BY_PYTEST:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


@pytest.mark.parametrize("name", sorted(OURS))
def test_no_other_distribution_brings_packages_of_our_names(name: str) -> None:
    assert set(packages_distributions().get(name, ())) <= {"leeward"}


@pytest.mark.parametrize(("folder", "extras"), NEEDS.items())
def test_each_part_imports_only_what_its_extra_brings(folder: str, extras: tuple[str, ...]) -> None:
    owners = packages_distributions()
    brought = distributions(*extras)
    assert [name for name in sorted(imported(ROOT / folder)) if not brought & set(map(normal, owners[name]))] == []


def test_every_part_is_checked() -> None:
    parts = {f"services/{path.parent.name}" for path in (ROOT / "services").glob("*/__init__.py")}
    assert parts | {"shared"} == set(NEEDS)


def test_every_requirement_of_an_extra_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    extras = set(project()["optional-dependencies"])
    assert distributions(*extras) <= pinned


def test_pins_name_no_address_and_no_path() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines if not line.startswith("#"))


def test_the_images_install_what_is_pinned_and_nothing_without_a_hash() -> None:
    locked = lock()
    pinned = {normal(line.partition("==")[0]): line.partition("==")[2] for line in constraints()}
    assert all(re.fullmatch(r"(sha256:[0-9a-f]{64} ?)+", " ".join(hashes)) for _, hashes in locked.values())
    assert {name: version for name, (version, _) in locked.items()} == {name: pinned[name] for name in locked}


def test_the_images_install_all_that_the_services_need() -> None:
    assert closure("leeward[scheduler,vmwatch,postgresql,tracing]") <= lock().keys()


def constraints() -> list[str]:
    return [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock() -> dict[str, tuple[str, list[str]]]:
    """Return what k8s/requirements.txt installs: version and hashes by name."""
    found: dict[str, tuple[str, list[str]]] = {}
    for entry in (ROOT / "k8s" / "requirements.txt").read_text().replace("\\\n", " ").splitlines():
        requirement, *hashes = entry.split("--hash=")
        if name := requirement.split(";")[0].strip():
            found[normal(name.partition("==")[0])] = (name.partition("==")[2], [one.strip() for one in hashes])
    return found


def closure(wanted: str) -> set[str]:
    """Return the names of everything that installing a requirement on this machine brings along."""
    waiting, seen = [Requirement(wanted)], set[str]()
    while waiting:
        requirement = waiting.pop()
        seen.add(_key(requirement))
        for line in requires(requirement.name) or ():
            needed = Requirement(line)
            extras = requirement.extras or {""}
            applies = needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in extras)
            if applies and _key(needed) not in seen:
                waiting.append(needed)
    return {key.partition("[")[0] for key in seen} - {"leeward"}


def _key(requirement: Requirement) -> str:
    return f"{normal(requirement.name)}[{','.join(sorted(requirement.extras))}]"
