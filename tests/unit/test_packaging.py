"""The distribution: its import packages are its own, and each part needs no more than its extra brings."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from shared.installed import OURS, absentees, intruders
from tests.parts.locks import normal

ROOT = Path(__file__).parents[2]
LOADED_BY_PYTEST = "pytest_plugin.py"
"""Of this name only pytest imports a module, by its entry point: who has no pytest has no need of one."""
NEEDS = {
    "shared": (),
    "services/client": (),
    "services/vmwatch": ("vmwatch", "kubernetes"),
    "services/scheduler": ("scheduler", "postgresql", "amqp", "tracing"),
    "services/local": ("local",),
    "services/operations": ("scheduler",),
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
    return found - set(sys.stdlib_module_names) - set(OURS)


def test_no_other_distribution_brings_packages_of_our_names() -> None:
    assert list(intruders(packages_distributions())) == []


def test_one_that_does_is_named() -> None:
    told = list(intruders({"services": ["leeward", "tool"], "shared": ["leeward"], "yaml": ["pyyaml"]}))
    assert told == ["the package services is Leeward's, and tool brings one, too: install them apart"]


def test_a_package_of_ours_that_only_somebody_else_brings_is_missed() -> None:
    told = list(absentees({"services": ["leeward"], "shared": ["tool"]}))
    assert told == ["the package shared is not installed from Leeward: pip install leeward"]


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
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line) for line in lines if not line.startswith("#"))
