"""Versions of libraries held against Leeward's own requirements."""

import tomllib
from itertools import chain
from pathlib import Path

import pytest

from services.operations.doctor.requirements import is_met, read_requirement

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
EXTRAS = ("scheduler", "vmwatch", "kubernetes", "postgresql", "amqp", "tracing", "local")
OURS = [*PROJECT["dependencies"], *chain(*(PROJECT["optional-dependencies"][extra] for extra in EXTRAS))]


@pytest.mark.parametrize("line", OURS)
def test_every_requirement_of_ours_is_understood(line: str) -> None:
    read = read_requirement(line)
    assert line.startswith(read.name)
    assert set(read.versions) <= set("0123456789.,<>= ")


@pytest.mark.parametrize(
    ("versions", "present", "met"),
    [
        (">=3.14.5,<3.15", "3.14.5", True),
        (">=3.14.5,<3.15", "3.14.4", False),
        (">=3.14.5,<3.15", "3.15", False),
        (">=3.14.5,<3.15", "3.15.0", False),
        (">=25", "26.1.0", True),
        (">=2.0.40,<2.2", "2.1.9", True),
        (">=2025.2", "2026.1", True),
        (">=4,<5", "4.0", True),
        ("", "0.1", True),
    ],
)
def test_a_version_lies_within_its_bounds_or_does_not(versions: str, present: str, met: bool) -> None:
    assert is_met(read_requirement(f"x{versions}"), present) is met


def test_a_requirement_tells_its_extra() -> None:
    line = "sqlalchemy[asyncio]>=2.0.40,<2.2 ; extra == 'scheduler'"
    assert (read_requirement(line).name, read_requirement(line).extra) == ("sqlalchemy", "scheduler")
