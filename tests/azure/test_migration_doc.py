"""docs/migrating-from-azure-scheduler.md leaves out nothing of Microsoft's client, and names tests that exist."""

import re
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from services.scheduler.api.arm.errors import CODES
from tests.parts.fakes_api import running_api
from tests.parts.judges import Notes, run_script

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "migrating-from-azure-scheduler.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| `")]


@pytest.fixture
async def client() -> Notes:
    """What the client offers."""
    offered: Notes = msgspec.json.decode(await run_script("7", ROOT / "tests" / "azure" / "inventory_7.py"))
    return offered


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


async def test_the_snippet_runs_as_it_stands(tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    script = tmp_path / "snippet.py"
    async with running_api() as api:
        script.write_text(snippet.replace("http://127.0.0.1:8080", api.url))
        assert await run_script("7", script) == "['nightly/backup']\n"


def test_every_code_is_explained() -> None:
    explained = {code for row in ROWS for code in quoted(row[0])}
    assert {kind.code for kind in CODES.values()} - explained == set()
