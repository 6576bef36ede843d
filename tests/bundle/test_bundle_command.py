"""`leeward bundle` where nothing answers, and beside `leeward up`."""

import asyncio
import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from services.local.state import LocalState, write_state
from tests.parts.full_store import fill_with_everything
from tests.parts.ports import free_port


def bundled(file: Path, *words: str, **settings: str) -> Result:
    """Make a bundle with settings; fails unless that went well."""
    ran = CliRunner().invoke(leeward, ["bundle", str(file), *words], env=settings, prog_name="leeward")
    assert ran.exit_code == 0, ran.output
    return ran


def pages(file: Path) -> dict[str, str]:
    """Return the texts in a bundle."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_what_cannot_be_reached_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    nowhere, file = f"127.0.0.1:{free_port()}", tmp_path / "report.zip"
    settings = {
        "LEEWARD_MQTT_URL": f"mqtt://leeward:canary-broker@{nowhere}",
        "LEEWARD_DATABASE_URL": f"postgresql://leeward:canary-database@{nowhere}/leeward",
        "LEEWARD_OPS_LISTEN": nowhere,
        "LEEWARD_COMMAND": "/bin/true canary-argument",
        "LEEWARD_MAINTENANCE": '{"cancel": {"request": {"uri": "http://x/canary-path"}}}',
        "LEEWARD_LISTENN": "canary-in-a-misspelt-variable",
    }
    ran = bundled(file, "--url", f"http://{nowhere}", **settings)
    told = pages(file)
    assert "canary" not in "".join(told.values()).replace("canary-in-a-misspelt-variable", "") + ran.output
    assert "canary-in-a-misspelt-variable" not in "".join(told.values())
    assert "LEEWARD_LISTENN is unknown; did you mean LEEWARD_LISTEN?" in told["settings-scheduler.json"]
    for what in (f"metrics of {nowhere}", "hosts of the API", "the database"):
        assert f"could not be had: {what}: " in ran.stderr
        assert f"  {what}: " in told["README.txt"]
    assert json.loads(told["versions.json"])["libraries"]["aiohttp"]
    assert json.loads(told["doctor.json"])["result"] == "failed"


def test_the_folder_of_leeward_up_tells_where_everything_is(tmp_path: Path) -> None:
    data, file = tmp_path / ".leeward", tmp_path / "report.zip"
    (data / "logs").mkdir(parents=True)
    (data / "logs" / "scheduler.log").write_text("x" * 2_000_000 + "\nlease begun\n")
    asyncio.run(fill_with_everything(f"sqlite:///{data}/leeward.db"))
    api = f"http://127.0.0.1:{free_port()}"
    write_state(
        data, LocalState(pid=1, api=api, imds=api, mqtt="mqtt://127.0.0.1:1", broker="mosquitto", targets_port=1)
    )
    ran = bundled(file)
    told = pages(file)
    assert told["logs/00-scheduler.log"] == "lease begun\n"
    assert json.loads(told["database.json"])["tables"]["jobs"]["rows"] == 8
    assert f"could not be had: hosts of the API: {api} cannot be reached" in ran.stderr
    assert [name for name in told if name.startswith("/") or ".." in name] == []


def test_a_bundle_replaces_no_file_unless_asked(tmp_path: Path) -> None:
    file = tmp_path / "report.zip"
    file.write_text("mine")
    refused = CliRunner().invoke(leeward, ["bundle", str(file)], prog_name="leeward")
    assert (refused.exit_code, file.read_text()) == (1, "mine")
    assert "add --overwrite" in refused.stderr
