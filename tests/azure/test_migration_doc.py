"""docs/migrating-from-azure-scheduler.md leaves out nothing of Microsoft's client, and names tests that exist."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from services.scheduler.api.arm.errors import CODES
from tests.parts.judges import Notes, run_script

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "migrating-from-azure-scheduler.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| `")]


@pytest.fixture
async def client() -> Notes:
    """What the client offers."""
    return await run_script("7", "inventory_7.py")


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


async def test_every_operation_of_the_client_has_a_row(client: Notes) -> None:
    listed = [row[0].strip("`") for row in ROWS if "." in row[0]]
    assert sorted(listed) == sorted(client["operations"])


async def test_every_field_of_every_model_has_a_row(client: Notes) -> None:
    listed: dict[str, list[str]] = defaultdict(list)
    for row in ROWS:
        if row[0].strip("`") in client["fields"]:
            listed[row[0].strip("`")] += quoted(row[1])
    assert {model: sorted(fields) for model, fields in listed.items()} == {
        model: sorted(fields) for model, fields in client["fields"].items()
    }


def test_every_test_named_exists() -> None:
    named = {name for row in ROWS for name in quoted(row[-1]) if name.startswith("test_")}
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text())
    }
    assert len(named) > 15
    assert named - defined == set()


def test_every_code_is_explained() -> None:
    explained = {code for row in ROWS for code in quoted(row[0])}
    assert {kind.code for kind in CODES.values()} - explained == set()
