"""The timelines that come with Leeward."""

from pathlib import Path

import pytest

from services.local import timelines
from services.local.fleet import local_vms
from services.vmwatch.emulator.steps import Schedule
from services.vmwatch.emulator.timeline import load_timeline


@pytest.mark.parametrize("name", timelines.names())
def test_every_timeline_is_valid_and_speaks_of_vms_that_are_there(name: str) -> None:
    steps = load_timeline(timelines.find(name))
    named = {host for step in steps if isinstance(step, Schedule) for host in step.resources}
    assert named
    assert named <= {vm.name for vm in local_vms()}


def test_a_file_of_ones_own_is_taken_by_its_path(tmp_path: Path) -> None:
    own = tmp_path / "mine.yaml"
    own.write_text("[]")
    assert timelines.find(str(own)) == own


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(timelines.UnknownScenarioError, match="cancelled, freeze, preempt, reboot"):
        timelines.find("flood")
