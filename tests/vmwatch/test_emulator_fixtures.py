"""The pytest fixtures for other programs' tests: the documented example, and what they promise besides."""

import re
from pathlib import Path

import pytest

from services.vmwatch.emulator.hints import WrongKeysError
from services.vmwatch.emulator.testing import EmulatedImds, NotApprovedError
from services.vmwatch.errors import RehearsalError, UnknownEventError
from services.vmwatch.imds import ImdsClient

pytest_plugins = ["pytester"]
DOCUMENT = Path(__file__).parents[2] / "docs" / "emulator.md"
PLUGIN = "services.vmwatch.emulator.pytest_plugin"


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest as another project would, with the plugin by its entry point's name."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    return pytester.runpytest_subprocess("-p", "leeward_imds", "--strict-markers", *arguments)


def test_the_documented_example_passes_as_it_stands(pytester: pytest.Pytester) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), flags=re.DOTALL)
    pytester.makepyfile(test_my_program=example)
    run(pytester, "-W", "error").assert_outcomes(passed=3)


def test_a_project_that_uses_no_fixture_imports_nothing_of_the_emulator(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"import sys\n\ndef test_it():\n    assert {PLUGIN!r} in sys.modules\n"
        "    assert not {'aiohttp', 'msgspec', 'services.vmwatch.emulator.testing'} & set(sys.modules)\n"
    )
    run(pytester).assert_outcomes(passed=1)


def test_the_mark_is_told_with_what_it_takes(pytester: pytest.Pytester) -> None:
    told = run(pytester, "--fixtures", "--markers").stdout.str()
    assert "@pytest.mark.leeward_imds(*vms, speed=1.0, **options)" in told


async def test_a_real_client_is_served_beside_the_test_s_own_loop(leeward_imds: EmulatedImds) -> None:
    event = leeward_imds.raise_event("Reboot", "db-0", notice_seconds=600, impacts=[{"seconds": 5}])
    async with ImdsClient(leeward_imds.url("db-0")) as client:
        assert (await client.read_events()).events[0].event_id == event.id
        await client.approve(event.id)
        assert (await leeward_imds.approval(event.id)).vm == "db-0"
        leeward_imds.turn(6)
        assert (await client.read_events()).events[0].status == "Started"
    assert leeward_imds.requests() == {"db-0 GET scheduledevents": 2, "db-0 POST scheduledevents": 1}


@pytest.mark.leeward_imds("web_0:web", speed=60)
def test_events_are_steered_through_their_whole_life(leeward_imds: EmulatedImds) -> None:
    event = leeward_imds.raise_event("Freeze", started_seconds=600)
    assert leeward_imds.reschedule(event.id, 1).not_before < event.not_before
    assert leeward_imds.start(event.id).status == "Started"
    assert leeward_imds.interrupt(event.id, 2).impacts[0].seconds == 2
    leeward_imds.turn(600)
    leeward_imds.reset(9)
    assert [(ending.event.id, ending.outcome) for ending in leeward_imds.endings()] == [(event.id, "completed")]
    assert leeward_imds.approve(leeward_imds.raise_event("Reboot").id).approved_by == ("control plane",)
    leeward_imds.fault("timeout", endpoint="instance")
    leeward_imds.heal()


def test_what_cannot_be_is_refused_at_once(leeward_imds: EmulatedImds) -> None:
    with pytest.raises(RehearsalError, match="the VMs are db-0, db-1, web-0"):
        leeward_imds.raise_event("Reboot", "db-9")
    with pytest.raises(WrongKeysError, match="did you mean noticeSeconds"):
        leeward_imds.raise_event("Reboot", notice_second=5)
    with pytest.raises(UnknownEventError):
        leeward_imds.finish("NOBODY")
    with pytest.raises(NotApprovedError, match=r"nobody approved event a within 0\.01 s"):
        leeward_imds.wait_for_approval("a", seconds=0.01)
    with pytest.raises(WrongKeysError, match="did you mean etag"):
        EmulatedImds(e_tag=True)
    with pytest.raises(RuntimeError, match="outside its context"):
        EmulatedImds().events()
