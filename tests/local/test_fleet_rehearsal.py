"""`leeward rehearse` on a real fleet: it says what it would do, asks, and goes through the scheduler's API."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from services.local.fleet_rehearsal import FleetRehearsal, told
from services.local.state import LocalState, write_state
from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.fakes_api import Api, a_job, every, running_api

Run = Callable[..., Coroutine[None, None, Result]]
HOSTS = tuple(
    HostReport(host=name, condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
    for name in ("db-0", "db-1")
)


@pytest.fixture
async def fleet() -> AsyncIterator[Api]:
    """An API with two hosts."""
    async with running_api(*HOSTS) as running:
        yield running


@pytest.fixture
def rehearse(fleet: Api, tmp_path: Path) -> Run:
    """Runs the command, in a folder where no `leeward up` has been."""

    async def command(*words: str) -> Result:
        arguments = ["--url", fleet.url, "rehearse", f"--data={tmp_path}", *words]
        return await asyncio.to_thread(CliRunner().invoke, leeward, arguments)

    return command


async def test_without_an_emulator_it_is_announced_on_the_fleet_and_says_what_to_watch(
    rehearse: Run, fleet: Api
) -> None:
    done = await rehearse("reboot", "db-0", "--yes", "--notice=90", "--duration=20", "--description=drill")
    assert done.exit_code == 0, done.output
    [event] = (await fleet.call("GET", "/rehearsals")).document["value"]
    assert (event["type"], event["durationSeconds"], event["description"]) == ("Reboot", 20, "Rehearsal: drill")
    for words in ("not before 2026-03-02T12:01:30Z", f"leeward event show {event['eventId']}", "--cancel"):
        assert words in done.output


async def test_nobody_is_surprised_where_nobody_can_be_asked(rehearse: Run, fleet: Api) -> None:
    refused = await rehearse("reboot", "db-0")
    assert (refused.exit_code, "give --yes" in refused.output) == (2, True)
    assert (await fleet.call("GET", "/rehearsals")).document["value"] == []


async def test_a_known_emulator_is_passed_over_only_when_told(rehearse: Run, fleet: Api, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    write_state(tmp_path, LocalState(pid=1, api=fleet.url, imds=nowhere, mqtt="", broker="", targets_port=1))
    assert (await rehearse("reboot", "db-0", "--yes")).exit_code != 0
    assert (await fleet.call("GET", "/rehearsals")).document["value"] == []
    assert (await rehearse("reboot", "db-0", "--yes", "--fleet")).exit_code == 0
    assert len((await fleet.call("GET", "/rehearsals")).document["value"]) == 1


async def test_rehearsals_are_listed_and_called_off(rehearse: Run, fleet: Api) -> None:
    await rehearse("freeze", "db-0", "db-1", "--yes")
    [event] = (await fleet.call("GET", "/rehearsals")).document["value"]
    assert "db-0, db-1" in (await rehearse("--list")).output
    assert "nothing keeps jobs off it" in (await rehearse("--cancel", event["eventId"])).output
    again = await rehearse("--cancel", event["eventId"])
    assert (again.exit_code, "over already" in again.output) == (1, True)
    assert (await rehearse("--cancel", "E1")).exit_code == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "name a TYPE and a HOST"),
        (("reboot",), "name a TYPE and a HOST"),
        (("storm", "db-0"), "storm"),
        (("reboot", "db-0", "--fleet", "--source=user"), "the emulator's"),
        (("reboot", "db-0", "--fleet", "--notice=0.5"), "whole seconds"),
    ],
)
async def test_what_cannot_be_meant_is_refused(rehearse: Run, words: tuple[str, ...], says: str) -> None:
    refused = await rehearse(*words)
    assert (refused.exit_code, says in refused.output) == (2, True)


async def test_it_says_first_what_would_happen_to_how_many_jobs(fleet: Api) -> None:
    await fleet.call("PUT", "/collections/demo", {})
    job = a_job(recurrence=every(5), placement={"host": "db-0", "pool": "db"})
    await fleet.call("PUT", "/collections/demo/jobs/one", job)
    order = FleetRehearsal(type="Reboot", hosts=("db-0",), notice_seconds=60, duration_seconds=30)
    seen = (await fleet.call("POST", "/rehearsals/foresight", {"type": "Reboot", "hosts": ["db-0"]})).document
    lines = list(told("http://fleet", order, seen))
    assert lines[1] == "  1 job at home there: 1 would move to another host, 0 would wait, 0 would go on"
    assert lines[2] == "  pool db, which 1 job may use: 1 of 2 hosts left"
    assert "nothing is asked of Azure" in lines[-1]
