"""Fleet files, VM flags and timelines: what is read, and what is said about what cannot be."""

from pathlib import Path

import pytest

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.fleet import DEFAULT_FLEET, Vm, load_fleet, parse_vm
from services.vmwatch.emulator.stage import Stage
from services.vmwatch.emulator.timeline import load_timeline, play
from services.vmwatch.errors import FleetError, TimelineError
from tests.parts.watching import TurnedClock


def written(directory: Path, text: str) -> Path:
    path = directory / "file.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_fleet_file_describes_vms(tmp_path: Path) -> None:
    text = "resourceGroup: shop\nvms:\n- {name: db-0, pools: [db], placementGroup: pg, tags: {env: test}}\n"
    fleet = load_fleet(written(tmp_path, text))
    assert fleet.resource_group == "shop"
    assert fleet.find("DB-0") == Vm(name="db-0", pools=("db",), placement_group="pg", tags={"env": "test"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vms: []", "at least one VM"),
        ("vms: [{name: a}, {name: A}]", "must differ"),
        ("vms: [{name: a, pool: [b]}]", "pool"),
        ("vms: [{name: a", "file.yaml"),
        ("[]", "object"),
    ],
)
def test_a_faulty_fleet_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FleetError, match=said):
        load_fleet(written(tmp_path, text))


def test_a_vm_can_be_given_as_a_flag() -> None:
    assert parse_vm("db-0:db,main@127.0.0.2") == Vm(name="db-0", pools=("db", "main"), addresses=("127.0.0.2",))
    assert parse_vm("web") == Vm(name="web")
    with pytest.raises(FleetError):
        parse_vm(":db")


TIMELINE = """
timeline:
- {at: 20, do: cancel, event: late}
- {at: 0, do: schedule, event: reboot, type: Reboot, resources: [db-0], noticeSeconds: 60, source: User}
- {at: 0, do: schedule, event: late, type: Freeze, resources: [db-1]}
- {at: 1, do: reschedule, event: reboot, noticeSeconds: 5}
- {at: 2, do: fault, fault: {kind: status, status: 503, count: 3}}
- {at: 3, do: heal}
- {at: 4, do: reset, incarnation: 1}
- {at: 4, do: approve, event: reboot}
- {at: 5, do: start, event: reboot}
- {at: 5, do: impact, event: reboot, seconds: 3}
- {at: 6, do: finish, event: reboot}
"""


TWICE = """
- {at: 0, do: schedule, event: a, type: Freeze, resources: [db-0]}
- {at: 1, do: schedule, event: a, type: Freeze, resources: [db-0]}
"""


def test_steps_are_sorted_by_time(tmp_path: Path) -> None:
    steps = load_timeline(written(tmp_path, TIMELINE))
    assert [step.at for step in steps] == [0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 20]


async def test_a_timeline_is_played_to_its_end(tmp_path: Path) -> None:
    stage = Stage(DEFAULT_FLEET, Pace(TurnedClock(), speed=100_000))
    await play(stage, load_timeline(written(tmp_path, TIMELINE)))
    assert stage.events() == ()
    endings = stage.state()["endings"]
    assert [(ending["event"]["type"], ending["outcome"]) for ending in endings] == [
        ("Reboot", "completed"),
        ("Freeze", "cancelled"),
    ]
    assert endings[0]["event"]["approvedBy"] == ("control plane",)
    assert [impact["seconds"] for impact in endings[0]["event"]["impacts"]] == [3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {at: 0, do: cancel, event: x}", "raised so far: none"),
        ("- {at: 0, do: explode}", "step 1"),
        ("- {do: heal}", "step 1.*at"),
        ("- {at: 0, do: schedule, event: a, type: Reboot, resources: [db-0], notice: 5}", "notice"),
        ("- {at: 0, do: fault, fault: {kind: boom}}", r"\$\.fault\.kind"),
        ("{steps: []}", "list of steps"),
        (TWICE, "raised twice"),
    ],
)
def test_a_faulty_timeline_names_the_step(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TimelineError, match=said):
        load_timeline(written(tmp_path, text))


async def test_a_step_that_cannot_be_taken_is_passed_over(tmp_path: Path) -> None:
    text = """
    - {at: 0, do: schedule, event: a, type: Reboot, resources: [nobody]}
    - {at: 0, do: start, event: a}
    - {at: 0, do: schedule, event: b, type: Reboot, resources: [db-0]}
    """
    stage = Stage(DEFAULT_FLEET, Pace(TurnedClock()))
    await play(stage, load_timeline(written(tmp_path, text)))
    assert [event.resources for event in stage.events()] == [("db-0",)]
