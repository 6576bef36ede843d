"""The `leeward` command against a running API."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from msgspec.structs import replace

from services.client.__main__ import leeward
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.feed import Update
from tests.parts.api_work import run_due
from tests.parts.builders import ANNOUNCED
from tests.parts.fakes_api import NOON, Api, running_api, serving

Run = Callable[..., Coroutine[None, None, Result]]
HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))


@pytest.fixture
async def fleet() -> AsyncIterator[Api]:
    """An API with one host."""
    async with running_api(HOST) as running:
        yield running


@pytest.fixture
def run(fleet: Api) -> Run:
    """Runs the command in a thread, as a process of its own would."""

    async def command(*words: str, text: str | None = None, url: str | None = None) -> Result:
        arguments = ["--url", url or fleet.url, *words]
        return await asyncio.to_thread(CliRunner().invoke, leeward, arguments, input=text)

    return command


async def create_hello(run: Run, *more: str) -> Result:
    assert (await run("collection", "create", "demo")).exit_code == 0
    return await run("job", "create", "demo/hello", "--uri", "http://web-0/hello", "--every", "5m", *more)


async def test_a_job_is_created_shown_listed_and_deleted(run: Run) -> None:
    created = await create_hello(run, "--tag", "team=db")
    assert (created.exit_code, created.output) == (0, "job demo/hello is enabled, next due 2026-03-02T12:00:00Z\n")
    shown = await run("job", "show", "demo/hello")
    assert "uri: http://web-0/hello" in shown.output
    listed = await run("job", "list")
    assert listed.output.splitlines()[1].split()[:3] == ["demo/hello", "enabled", "2026-03-02T12:00:00Z"]
    assert (await run("job", "delete", "demo/hello")).exit_code == 0
    assert (await run("job", "show", "demo/hello")).exit_code == 4


async def test_a_password_comes_from_standard_input_and_is_never_shown(run: Run, fleet: Api) -> None:
    await run("collection", "create", "demo")
    words = ("--uri", "https://api.test/", "--username", "me", "--password-file", "-", "--every", "5m")
    created = await run("job", "create", "demo/hello", *words, text="hush-hush\n")
    assert created.exit_code == 0, created.output
    shown = await run("job", "show", "demo/hello")
    assert "username: me" in shown.output
    assert "hush-hush" not in created.output + shown.output
    [place] = fleet.services.secrets.sealed  # type: ignore[attr-defined]
    assert place.field == "action.request.authentication.password"
    assert (await run("job", "update", "demo/hello", "--every", "10m")).exit_code == 0


async def test_a_message_is_sent_where_the_flags_say(run: Run, fleet: Api) -> None:
    await run("collection", "create", "demo")
    words = ("--topic", "plant/tick", "--message", "{}", "--qos", "2", "--retain", "--every", "5m")
    assert (await run("job", "create", "demo/tick", *words)).exit_code == 0
    action = (await fleet.call("GET", "/collections/demo/jobs/tick")).document["action"]
    message = {"topic": "plant/tick", "payload": "{}", "qos": 2, "retain": True}
    assert action == {"type": "Mqtt", "mqttMessage": message}


async def test_options_may_stand_last(run: Run) -> None:
    await create_hello(run)
    listed = await run("job", "list", "demo", "--output", "json")
    assert json.loads(listed.stdout)[0]["name"] == "hello"


async def test_a_refusal_names_the_field_and_exits_1(run: Run) -> None:
    refused = await create_hello(run, "--timeout", "PT2H")
    assert refused.exit_code == 1
    assert refused.stderr == "Error: timeout: is too long: at most PT30M is allowed\n"


async def test_wrong_usage_exits_2(run: Run) -> None:
    for words in (("job", "show", "hello"), ("job", "create", "demo/x", "--every", "often"), ("jobs",)):
        assert (await run(*words)).exit_code == 2
    assert (await run("job", "list", url="ftp://x")).exit_code == 2


async def test_nobody_there_exits_3_and_says_what_to_check(run: Run) -> None:
    silent = await run("host", "list", url="http://127.0.0.1:1")
    assert silent.exit_code == 3
    assert "cannot be reached: Connection refused; is the scheduler up, is --url right?" in silent.stderr


async def test_somebody_else_there_exits_3(run: Run) -> None:
    async with serving(web.Application()) as url:
        other = await run("host", "list", url=url)
    assert (other.exit_code, "it is no scheduler" in other.stderr) == (3, True)


async def test_a_job_is_updated_disabled_enabled_and_run(run: Run) -> None:
    await create_hello(run)
    updated = await run("job", "update", "demo/hello", "--cron", "0 5 * * *", "--output", "json")
    assert json.loads(updated.stdout)["recurrence"] == {"cron": "0 5 * * *"}
    assert "disabled" in (await run("job", "disable", "demo/hello")).output
    assert "enabled" in (await run("job", "enable", "demo/hello")).output
    assert "runs now, as occurrence" in (await run("job", "run", "demo/hello")).output
    assert (await run("job", "update", "demo/hello")).exit_code == 2


async def test_null_from_standard_input_removes(run: Run) -> None:
    await create_hello(run)
    text = '{"recurrence": null}'
    updated = await run("--output", "json", "job", "update", "demo/hello", "--file", "-", text=text)
    assert "recurrence" not in json.loads(updated.stdout)


async def test_many_jobs_come_from_one_file(run: Run, tmp_path: Path) -> None:
    await run("collection", "create", "demo")
    file = tmp_path / "jobs.yaml"
    good = "- {name: a, action: {request: {uri: http://web-0/a}}}\n"
    file.write_text(f"{good}- {{name: b, action: {{request: {{}}}}}}\n")
    result = await run("job", "create", "demo", "--file", str(file), "--every", "1h")
    assert result.exit_code == 1
    assert "action.request.uri: is required" in result.stdout
    assert "1 of 2 jobs were refused" in result.stderr
    listed = await run("job", "list", "demo", "--output", "json")
    assert [job["recurrence"]["frequency"] for job in json.loads(listed.stdout)] == ["hour"]


async def test_history_and_occurrences_are_tables(run: Run, fleet: Api) -> None:
    await create_hello(run)
    await run_due(fleet)
    history = (await run("job", "history", "demo/hello")).output.splitlines()
    assert history[1].split()[:4] == ["2026-03-02T12:00:00Z", "Completed", "MainAction", "1"]
    due = (await run("job", "occurrences", "demo/hello", "--count", "2")).output.splitlines()
    assert [line.split()[0] for line in due] == ["AT", "2026-03-02T12:05:00Z", "2026-03-02T12:10:00Z"]


async def test_decisions_are_a_table_that_says_why(run: Run, fleet: Api) -> None:
    await create_hello(run)
    await run_due(fleet)
    head, line = (await run("job", "decisions", "demo/hello")).output.splitlines()
    assert head.split() == ["WHEN", "DECISION", "HOST", "ATTEMPT", "WHY"]
    assert line.split(maxsplit=4) == ["2026-03-02T12:00:00Z", "ran", "-", "1", "It ran: no known host serves it."]
    held = await run("job", "decisions", "demo/hello", "--decision", "held", "--output", "json")
    assert json.loads(held.stdout) == []


async def test_a_document_is_previewed_without_being_stored(run: Run, tmp_path: Path) -> None:
    await run("collection", "create", "demo")
    file = tmp_path / "job.json"
    file.write_text('{"recurrence": {"frequency": "Day"}}')
    shown = await run("job", "occurrences", "demo/new", "--count", "1", "--file", str(file))
    assert "2026-03-02T12:00:00Z" in shown.output
    assert (await run("job", "show", "demo/new")).exit_code == 4


async def test_policies_of_a_collection_and_its_job_are_flags_and_what_applies_is_shown(run: Run) -> None:
    await run("collection", "create", "demo", "--lead-time", "auto", "--at-deadline", "Move")
    await run("collection", "update", "demo", "--last-standing", "RunOnLeastUrgent")
    await run("job", "create", "demo/tick", "--uri", "http://{host}/", "--pool", "db", "--choice", "Sticky")
    changed = await run("job", "update", "demo/tick", "--lead-time", "5m")
    assert changed.exit_code == 0
    shown = json.loads((await run("job", "show", "demo/tick", "--output", "json")).stdout)
    assert shown["placement"] == {"pool": "db", "choice": "Sticky"}
    applies = shown["resolved"]["maintenance"]
    assert (applies["leadTime"], applies["atDeadline"], applies["lastStanding"]) == ("PT5M", "Move", "RunOnLeastUrgent")
    assert (applies["from"]["leadTime"], applies["from"]["atDeadline"]) == ("job", "collection")


async def test_collections_are_steered(run: Run) -> None:
    await run("collection", "create", "demo", "--sku", "Standard", "--max-jobs", "3")
    await run("collection", "update", "demo", "--tag", "a=b")
    shown = json.loads((await run("collection", "show", "demo", "--output", "json")).stdout)
    assert (shown["sku"], shown["quota"], shown["tags"]) == ({"name": "Standard"}, {"maxJobCount": 3}, {"a": "b"})
    assert "disabled" in (await run("collection", "disable", "demo")).output
    assert "enabled" in (await run("collection", "enable", "demo")).output
    assert "demo" in (await run("collection", "list")).output
    assert (await run("collection", "delete", "demo", "--yes")).exit_code == 0


async def test_hosts_are_listed_cordoned_and_released(run: Run) -> None:
    assert "db-0" in (await run("host", "list")).output
    assert (await run("host", "cordon", "db-0", "--reason", "disks")).output == "host db-0 is cordoned\n"
    assert "reason: disks (anybody)" in (await run("host", "show", "db-0")).output
    assert (await run("host", "release", "db-0")).output == "host db-0 is available\n"
    assert (await run("host", "show", "db-9")).exit_code == 4


async def test_events_are_listed_and_shown(run: Run, fleet: Api) -> None:
    await fleet.services.store.put_event(replace(ANNOUNCED, event_id="E-1", type="Freeze"))
    listed = (await run("event", "list", "--active")).output.splitlines()
    assert listed[1].split()[:4] == ["E-1", "Freeze", "Scheduled", "db-0"]
    assert "durationSeconds: 9" in (await run("event", "show", "E-1")).output


async def test_watch_prints_what_happens_in_plain_words(run: Run, fleet: Api) -> None:
    watching = asyncio.create_task(run("watch", "--limit", "1"))
    async with asyncio.timeout(10):
        while not watching.done():
            # A watcher misses what came before it; so it is told until it has heard.
            fleet.services.feed.publish(Update(kind="host", at=NOON, summary="db-0 is drained"))
            await asyncio.wait({watching}, timeout=0.01)
    assert watching.result().output.endswith("  db-0 is drained\n")
