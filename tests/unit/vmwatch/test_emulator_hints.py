"""Words that are not known are named with their place and the nearest one that is."""

from pathlib import Path

import pytest

from services.vmwatch.emulator.fleet import DEFAULT_FLEET, load_fleet
from services.vmwatch.emulator.timeline import load_timeline
from services.vmwatch.errors import FleetError, TimelineError


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (
            "{at: 0, do: schedule, event: a, type: Reboot, resources: [db-0], notice: 5}",
            r"step 1: unknown key 'notice' at `\$`; did you mean noticeSeconds\?",
        ),
        ("{at: 0, do: reshedule, event: a}", r"'reshedule' at `\$\.do` is not known; did you mean reschedule\?"),
        ("{at: 0, do: xyz}", "'xyz' .*known are .*schedule.*heal"),
        (
            "{at: 0, do: fault, fault: {kind: time-out}}",
            r"'time-out' at `\$\.fault\.kind` is not known; did you mean timeout\?",
        ),
        ("{at: 0, do: fault, fault: {kind: status, code: 500}}", r"unknown key 'code' at `\$\.fault`"),
        (
            "{at: 0, do: schedule, event: a, type: Freeze, resources: [db-0], impacts: [{second: 5}]}",
            r"unknown key 'second' at `\$\.impacts\[0\]`; did you mean seconds\?",
        ),
        (
            "{at: 0, do: schedule, event: a, type: Reboot, resources: [db0]}",
            r"no VM 'db0' in this fleet .*did you mean db-0\?",
        ),
        ("{at: soon, do: heal}", r"step 1: Expected `float`, got `str` - at `\$\.at`"),
        ("{at: 0, do: schedule, type: Reboot}", "missing required field `event`"),
        ("just words", "step 1: Expected `object`"),
    ],
)
def test_a_faulty_step_is_explained(tmp_path: Path, step: str, said: str) -> None:
    path = tmp_path / "timeline.yaml"
    path.write_text(f"- {step}\n")
    with pytest.raises(TimelineError, match=said):
        load_timeline(path, DEFAULT_FLEET)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vms: [{name: a, pool: [b]}]", r"unknown key 'pool' at `\$\.vms\[0\]`; did you mean pools\?"),
        ("vms: [{name: a, sees: owns}]", r"'owns' at `\$\.vms\[0\]\.sees` is not known; did you mean own\?"),
        ("resource_group: a\nvms: [{name: a}]", "did you mean resourceGroup"),
    ],
)
def test_a_faulty_fleet_is_explained(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    with pytest.raises(FleetError, match=said):
        load_fleet(path)
