"""`leeward import` and `leeward export` against a running API."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from tests.parts.api_work import run_due
from tests.parts.every_action import ACTIONS, SECRETS
from tests.parts.fakes_api import Api, every
from tests.parts.moving import SAMPLES, job_resource, template

Run = Callable[..., Coroutine[None, None, Result]]
REQUEST = {"uri": "http://web-0/x"}


@pytest.fixture
def run(api: Api) -> Run:
    """Runs the command in a thread, as a process of its own would."""

    async def command(*words: str, text: str | None = None) -> Result:
        files = [str(SAMPLES / word) if (SAMPLES / word).is_file() else word for word in words]
        return await asyncio.to_thread(CliRunner().invoke, leeward, ["--url", api.url, *files], input=text)

    return command


def outcomes(result: Result) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in json.loads(result.stdout)["value"]}


async def imported(run: Run, *words: str, document: Any = None) -> dict[str, str]:
    text = None if document is None else json.dumps(document)
    return outcomes(await run("import", *words, "--output", "json", *([] if text is None else ["-"]), text=text))


async def test_a_template_is_imported_and_again_without_effect(run: Run) -> None:
    words = ("nested.json", "--parameters", "parameters.json")
    names = ("nightly", "nightly/report", "nightly/poll-1", "nightly/poll-2")
    assert await imported(run, *words) == dict.fromkeys(names, "created")
    assert await imported(run, *words) == dict.fromkeys(names, "unchanged")
    changed = {**dict.fromkeys(names, "unchanged"), "nightly/report": "updated"}
    assert await imported(run, *words, "--set", "hours=[7]") == changed


async def test_what_was_imported_is_what_the_template_said(run: Run, api: Api) -> None:
    await run("import", "nested.json", "--set", "siteName=Shop")
    report = (await api.call("GET", "/collections/nightly/jobs/report")).document
    assert report["action"]["retryPolicy"] == {"retryType": "fixed", "retryInterval": "PT1M", "retryCount": 2}
    assert report["recurrence"]["schedule"] == {"minutes": [0], "hours": [5, 17], "weekDays": ["monday", "friday"]}
    assert "endTime" not in report["recurrence"]
    collection = (await api.call("GET", "/collections/nightly")).document
    assert (collection["sku"], collection["tags"]["team"]) == ({"name": "Standard"}, "db")
    assert collection["quota"]["maxJobCount"] == 10


async def test_a_dry_run_shows_the_plan_and_changes_nothing(run: Run, api: Api) -> None:
    before = await api.stored()
    planned = await run("import", "nested.json", "--set", "siteName=Shop", "--dry-run")
    assert [line.split() for line in planned.stdout.splitlines()[1:5]] == [
        ["nightly", "created", "-"],
        ["nightly/report", "created", "-"],
        ["nightly/poll-1", "created", "-"],
        ["nightly/poll-2", "created", "-"],
    ]
    assert planned.stderr == "left alone: Shop, a Microsoft.Web/sites\na dry run: nothing was changed\n"
    assert await api.stored() == before


async def test_what_lacks_its_secrets_is_listed_and_fails_unless_that_is_accepted(run: Run) -> None:
    result = await run("import", "flat.json")
    assert result.exit_code == 1
    for line in (
        "maintenance/protected  skipped  action.request.authentication.password: no export holds it; give it to the",
        "maintenance/enqueue    skipped  action.queueMessage.sasToken: no export holds it; give it to the",
        "created  1            1",
        "skipped  0            2",
    ):
        assert line in result.stdout
    assert "2 of 4 cannot be carried; --skip-unsupported accepts that" in result.stderr
    assert (await run("import", "flat.json", "--skip-unsupported")).exit_code == 0


async def test_secrets_given_as_parameters_come_along_and_are_written_each_time(run: Run, api: Api) -> None:
    secrets = ("--set", "jobs_protected_password=pw-canary", "--set", "jobs_enqueue_sasToken=sv=1&sig=sas-canary")
    for outcome in ("created", "updated"):
        found = await imported(run, "flat.json", *secrets)
        assert (found["maintenance/protected"], found["maintenance/enqueue"]) == (outcome, outcome)
    assert set((await imported(run, "flat.json")).values()) == {"unchanged"}
    exported = await run("export")
    assert "canary" not in exported.stdout
    parameters = {"maintenance_protected_password", "maintenance_enqueue_sasToken"}
    assert set(json.loads(exported.stdout)["parameters"]) == parameters
    again = [part for name in parameters for part in ("--set", f"{name}=sig=new")]
    assert (await imported(run, *again, document=json.loads(exported.stdout)))["maintenance/enqueue"] == "updated"


async def test_every_kind_of_action_moves_to_another_scheduler_but_for_its_secrets(run: Run, api: Api) -> None:
    await api.call("PUT", "/collections/all", {})
    for kind, action in ACTIONS.items():
        name = kind.replace(" ", "-")
        await api.call("PUT", f"/collections/all/jobs/{name}", {"action": {**action, "errorAction": action}})
    before = await api.stored()
    for shape in ("arm", "leeward"):
        exported = await run("export", "all", "--format", shape)
        assert set((await imported(run, document=json.loads(exported.stdout))).values()) == {"unchanged"}
        assert not [secret for secret in SECRETS if secret in exported.stdout]
    assert await api.stored() == before


async def test_dumps_of_both_apis_are_imported(run: Run, api: Api) -> None:
    found = await imported(run, "collections.json", "jobs.json")
    assert found == {
        "ops": "created",
        "gone": "skipped",
        "ops/ping": "created",
        "ops/once": "created",
        "ops/tell": "skipped",
    }
    assert (await api.call("GET", "/collections/ops/jobs/once")).document["state"] == "disabled"
    found = await imported(run, "classic.json", "--collection", "demo")
    assert found == {"demo": "unchanged", "demo/cleanup": "created", "demo/seasonal": "skipped"}
    assert (await api.call("GET", "/collections/demo/jobs/cleanup")).document["action"]["request"]["body"] == "old"


async def test_a_job_that_has_run_since_is_not_run_again(run: Run, api: Api) -> None:
    document = template(job_resource("demo/once", action={"request": REQUEST}))
    first = await run("import", "-", text=json.dumps(document))
    assert "runs at once: a one-time job without a startTime to come" in first.stdout
    await run_due(api)
    assert await imported(run, document=document) == {"demo": "unchanged", "demo/once": "unchanged"}


async def test_jobs_wait_behind_closed_collections_if_that_is_wanted(run: Run, api: Api) -> None:
    words = ("nested.json", "--set", "siteName=Shop")
    await imported(run, *words, "--disabled")
    assert (await api.call("GET", "/collections/nightly")).document["state"] == "Disabled"
    assert (await api.call("GET", "/collections/nightly/jobs/report")).document["state"] == "disabled"
    await run("collection", "enable", "nightly")
    states = [(await api.call("GET", f"/collections/nightly/jobs/poll-{n}")).document["state"] for n in (1, 2)]
    assert states == ["enabled", "disabled"]
    assert set((await imported(run, *words)).values()) == {"unchanged"}


async def test_what_the_scheduler_refuses_is_told_and_the_rest_is_written(run: Run) -> None:
    good = job_resource("demo/good", action={"request": REQUEST}, recurrence=every(5))
    bad = job_resource("demo/bad", action={"request": REQUEST}, recurrence=every(0))
    result = await run("import", "-", text=json.dumps(template(good, bad)))
    assert result.exit_code == 1
    assert "demo/bad   refused  recurrence.interval: must be 1 to 1000" in result.stdout
    assert "demo/good  created  -" in result.stdout
    assert "1 of 3 were refused" in result.stderr


async def test_jobs_of_a_refused_collection_are_refused(run: Run) -> None:
    collection = {"type": "Microsoft.Scheduler/jobCollections", "name": "new", "properties": {"sku": {"name": "Gold"}}}
    job = job_resource("new/job", action={"request": REQUEST})
    assert await imported(run, document=template(collection, job)) == {"new": "refused", "new/job": "refused"}


async def test_a_plan_without_room_refuses_the_whole_batch(run: Run) -> None:
    collection = {"type": "Microsoft.Scheduler/jobCollections", "name": "new", "properties": {"sku": {"name": "Free"}}}
    daily = {"frequency": "Day", "interval": 1}
    jobs = [job_resource(f"new/j{n}", action={"request": REQUEST}, recurrence=daily) for n in range(6)]
    found = await imported(run, document=template(collection, *jobs))
    assert found == {"new": "created"} | {f"new/j{n}": "refused" for n in range(6)}


async def test_thousands_of_jobs_come_over_in_batches(run: Run) -> None:
    jobs = [{"name": f"j{n}", "collection": "demo", "action": {"request": REQUEST}} for n in range(1201)]
    rows = [{**job, "recurrence": every(60)} for job in jobs]
    text = json.dumps({"jobs": rows})
    first = json.loads((await run("import", "-", "--output", "json", text=text)).stdout)
    assert first["summary"] == {"created": {"collections": 0, "jobs": 1201}, "unchanged": {"collections": 1, "jobs": 0}}
    again = await run("import", "-", text=text)
    assert again.stdout.splitlines() == ["OUTCOME    COLLECTIONS  JOBS", "unchanged  1            1201"]


@pytest.mark.parametrize(
    "shape", [("--format", "arm"), ("--format", "leeward"), ("--format", "leeward", "--output", "yaml")]
)
async def test_an_export_reads_back_to_the_same(run: Run, api: Api, tmp_path: Path, shape: tuple[str, ...]) -> None:
    await run("import", "nested.json", "--parameters", "parameters.json")
    await run("import", "own.yaml", "collections.json", "jobs.json", "--skip-unsupported")
    file = tmp_path / "export"
    file.write_text((await run("export", *shape)).stdout)
    assert set((await imported(run, str(file))).values()) == {"unchanged"}
    before = (await run("export")).stdout
    for name in ("demo", "fleet", "nightly", "ops"):
        assert (await api.call("DELETE", f"/collections/{name}")).status == 200
    assert set((await imported(run, str(file))).values()) == {"created"}
    assert (await run("export")).stdout == before


async def test_one_collection_is_exported_by_name(run: Run) -> None:
    await run("import", "own.yaml")
    found = json.loads((await run("export", "fleet", "--format", "leeward")).stdout)
    assert [one["name"] for kind in ("collections", "jobs") for one in found[kind]] == ["fleet", "compact"]
    assert (await run("export", "nobody")).exit_code == 4


async def test_an_export_says_what_a_closed_collection_hides(run: Run) -> None:
    await run("collection", "disable", "demo")
    assert (await run("export")).stderr.startswith("not enabled: demo; their jobs are written as disabled")


async def test_a_file_that_is_no_source_is_wrong_usage(run: Run) -> None:
    for text in ("<Jobs/>", "{}", json.dumps(template(job_resource("[what('x')]")))):
        result = await run("import", "-", text=text)
        assert (result.exit_code, result.stdout) == (2, "")
