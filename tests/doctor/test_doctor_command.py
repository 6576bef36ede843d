"""`leeward doctor` as people and programs call it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from services.client.__main__ import leeward
from services.operations.doctor import as_scheduler
from services.operations.doctor.findings import Part, Result
from services.operations.doctor.patient import Role, given_by_file, guess_role
from tests.parts.ports import free_port

FIELDS = {"part", "check", "result", "message", "remedy", "seconds"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own, without variables of anybody's."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEEWARD_")]:
        monkeypatch.delenv(name)


def doctor(*arguments: str, code: int, environment: Mapping[str, str] | None = None) -> str:
    done = CliRunner().invoke(leeward, ["doctor", *arguments], env=dict(environment or {}))
    assert done.exit_code == code, done.output
    return done.output


def told(*arguments: str, code: int, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(doctor(*arguments, "--output", "json", code=code, environment=environment))
    return said


def test_programs_get_one_document() -> None:
    said = told("--only", "machine,database", code=0)
    assert said.keys() == {"version", "role", "settingsFrom", "result", "findings"}
    assert {finding["part"] for finding in said["findings"]} == {"machine", "database"}
    assert all(finding.keys() == FIELDS for finding in said["findings"])
    assert {finding["result"] for finding in said["findings"]} <= set(Result)


def test_people_get_the_remedy_below_what_failed() -> None:
    output = doctor("--only", "broker", "--", "--mqtt-url", f"mqtt://127.0.0.1:{free_port()}", code=1)
    assert re.search(r"failed +line: there is no line.*\n +→ start the broker", output)
    assert output.splitlines()[-1].endswith("1 not checked.")


def test_all_faults_in_the_settings_come_at_once() -> None:
    environment = {"LEEWARD_RUNNERS": "0", "LEEWARD_LEASE_SECONDS": "x", "LEEWARD_DATABASE": "y"}
    said = told("--as", "scheduler", code=1, environment=environment)
    faults = [finding["message"] for finding in said["findings"] if finding["part"] == "settings"]
    assert [fault.split("=")[0].split(" ")[0] for fault in faults] == [
        "LEEWARD_DATABASE",
        "LEEWARD_LEASE_SECONDS",
        "runners",
    ]
    rest = {finding["result"] for finding in said["findings"] if finding["part"] not in ("settings", "api")}
    assert rest == {"not checked"}


def test_each_part_is_there_in_either_role() -> None:
    for role in Role:
        said = told("--as", role.value, "--seconds", "2", code=1)
        assert {finding["part"] for finding in said["findings"]} == set(Part)


def test_a_word_that_is_no_part_is_wrong_usage() -> None:
    assert "write some of settings,files" in doctor("--only", "brokers", code=2)


def test_no_secret_is_printed(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("canary-in-a-file\n")
    token = tmp_path / "token"
    token.write_text("lwd_canary\n")
    port = free_port()
    environment = {
        "LEEWARD_MQTT_URL": f"mqtt://someone@127.0.0.1:{port}",
        "LEEWARD_MQTT_PASSWORD_FILE": str(password),
        "LEEWARD_ACTIONS_MQTT_URL": f"mqtt://other:canary-in-a-url@127.0.0.1:{port}",
        "LEEWARD_DATABASE_URL": f"postgresql://leeward:canary%2Dencoded@127.0.0.1:{port}/leeward",
        "LEEWARD_TOKEN_FILE": str(token),
        "LEEWARD_URL": f"http://127.0.0.1:{port}",
    }
    output = doctor("--as", "scheduler", "--output", "yaml", code=1, environment=environment)
    assert "canary" not in output
    assert str(port) in output


def test_a_units_file_of_variables_is_read_as_systemd_does(tmp_path: Path) -> None:
    file = tmp_path / "vmwatch.env"
    file.write_text(
        "# settings\n; more\nLEEWARD_HOST=db-0\n\nLEEWARD_POOLS='db,web'\nLEEWARD_GROUP = \"x=y\"\nnothing\n"
    )
    given = given_by_file(file, {"HOME": "/root"}, ())
    assert given.names == ["LEEWARD_GROUP", "LEEWARD_HOST", "LEEWARD_POOLS"]
    assert (given.environment["LEEWARD_POOLS"], given.environment["LEEWARD_GROUP"]) == ("db,web", "x=y")
    assert guess_role(given.environment) is Role.VMWATCH
    assert told("--env-file", str(file), "--only", "settings", code=0)["role"] == "vmwatch"


def test_variables_that_only_a_scheduler_has_make_it_one() -> None:
    assert guess_role({"LEEWARD_DATABASE_URL": "x", "LEEWARD_IMDS_URL": "y"}) is Role.SCHEDULER
    assert guess_role({"LEEWARD_IMDS_URL": "y"}) is Role.VMWATCH
    assert guess_role({}) is Role.SCHEDULER


def test_a_process_that_is_not_there_is_wrong_usage() -> None:
    assert "process 4194399" in doctor("--pid", "4194399", code=2)


def test_the_start_of_the_client_does_not_wait_for_it() -> None:
    program = "import sys, services.client.__main__; print([n for n in sys.modules if n.startswith('services.op')])"
    root = Path(as_scheduler.__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "[]\n"


_WITHOUT_THE_SCHEDULERS_LIBRARIES = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name in {absent!r} else found(name)
from services.client.__main__ import main
sys.argv[1:] = ["doctor", "--output", "json", "--only", "settings,files,machine,database"]
main()
"""


@pytest.mark.parametrize(("arguments", "role"), [((), "vmwatch"), (("--as", "scheduler"), "scheduler")])
def test_where_no_scheduler_is_installed_its_parts_are_not_checked(arguments: tuple[str, ...], role: str) -> None:
    program = _WITHOUT_THE_SCHEDULERS_LIBRARIES.format(absent=as_scheduler.LIBRARIES)
    program = program.replace('["doctor",', f'["doctor", *{arguments!r},')
    root = Path(as_scheduler.__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=root)
    said = json.loads(done.stdout)
    [database] = [finding for finding in said["findings"] if finding["part"] == "database"]
    assert (said["role"], database["result"], database["message"]) == (
        role,
        "not checked",
        "the scheduler is not installed here",
    )
