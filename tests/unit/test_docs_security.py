"""docs/security.md names a test for each threat, and each of them is there."""

import re

from tests.parts.reference import DOCS

TESTS = DOCS.parent / "tests"


def rows() -> list[str]:
    lines = (DOCS / "security.md").read_text().splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith(("| threat |", "| --- |"))]


def test_every_threat_has_a_wall_and_a_test() -> None:
    named = [(row, re.findall(r"`(test_\w+)`", row.split(" | ")[-1])) for row in rows()]
    assert [row for row, tests in named if not tests] == []
    assert all(len(row.split(" | ")) == 3 for row, _ in named)
    assert len(named) > 50


def test_every_test_that_is_named_is_there() -> None:
    there = {name for file in TESTS.rglob("test_*.py") for name in re.findall(r"def (test_\w+)\(", file.read_text())}
    named = set(re.findall(r"`(test_\w+)`", "".join(rows())))
    assert named - there == set()
