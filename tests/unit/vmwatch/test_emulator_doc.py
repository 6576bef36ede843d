"""docs/emulator.md tells of every behaviour, flag, route, step, fault and field there is, and its tests exist."""

import re
from pathlib import Path

import click
import msgspec
import pytest
import yaml

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.commands import imds
from services.vmwatch.emulator.control import ControlRoutes
from services.vmwatch.emulator.faults import FaultKind
from services.vmwatch.emulator.fleet import DEFAULT_FLEET, Fleet, Vm
from services.vmwatch.emulator.hints import convert
from services.vmwatch.emulator.recording import Line
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.steps import Step
from services.vmwatch.emulator.timeline import load_timeline
from tests.parts.watching import TurnedClock

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "emulator.md").read_text()


def section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def examples(language: str, title: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(title), flags=re.DOTALL)


def test_every_behaviour_names_tests_that_exist() -> None:
    named = re.findall(r"`(test_\w+)`", section("Behaviours"))
    files = [*(ROOT / "tests" / "vmwatch").glob("*.py"), *(ROOT / "tests" / "unit" / "vmwatch").glob("*.py")]
    there = {name for file in files for name in re.findall(r"def (test_\w+)\(", file.read_text())}
    rows = [row for row in section("Behaviours").splitlines() if row.startswith("| ")][2:]
    assert sorted(set(named) - there) == []
    assert [row for row in rows if "`test_" not in row] == []


def test_every_flag_and_command_is_told() -> None:
    commands = [imds, *imds.commands.values()]
    flags = {
        flag
        for command in commands
        for param in command.params
        if isinstance(param, click.Option)
        for flag in param.opts
    }
    assert [flag for flag in sorted(flags - {"--log-level", "--from"}) if flag not in TEXT] == []


def test_every_route_of_the_control_api_is_told() -> None:
    routes = ControlRoutes(Stage(DEFAULT_FLEET, Pace(TurnedClock()))).routes()
    told = section("The control API")
    missing = [
        f"{route.method} {route.path}"
        for route in routes
        if f"`{route.method} {route.path}" not in told
        and f"`{route.path.removeprefix('/control/events/{id}')}`" not in told
    ]
    assert missing == []


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_fault_is_told_and_stands_in_the_table(kind: FaultKind) -> None:
    assert f"`{kind.value}`" in section("The control API")
    assert f"`{kind.value}`" in section("Behaviours")


def test_every_step_is_told_and_the_example_can_be_played(tmp_path: Path) -> None:
    told = section("Timelines")
    tags = [str(step.__struct_config__.tag) for step in Step.__args__]
    assert [tag for tag in tags if f"`{tag}`" not in told] == []
    path = tmp_path / "timeline.yaml"
    path.write_text(examples("yaml", "Timelines")[0])
    assert len(load_timeline(path, DEFAULT_FLEET)) == 4


def test_the_example_of_a_fleet_has_every_field_of_a_vm() -> None:
    plain = yaml.safe_load(examples("yaml", "Fleets")[0])
    fields = {field.encode_name for field in msgspec.structs.fields(Vm)}
    assert fields - plain["vms"][0].keys() == set()
    assert convert(plain, Fleet).find("db-0") is not None


def test_the_example_of_a_recording_can_be_read() -> None:
    lines = examples("json", "Record and replay")[0].splitlines()
    read = [msgspec.json.decode(line, type=Line) for line in lines]
    assert [type(line).__name__.lower() for line in read] == ["heading", "answer", "failure", "end"]
    assert [line for line in read if f"`{type(line).__name__.lower()}`" not in section("Record and replay")] == []
