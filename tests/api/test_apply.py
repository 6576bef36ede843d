"""`leeward apply` against a running API."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from tests.parts.applying import collection_doc, job_doc, text_of
from tests.parts.every_action import ACTIONS
from tests.parts.fakes_api import Api, a_job, every

Run = Callable[..., Coroutine[None, None, Result]]
DAILY = {"frequency": "Day", "interval": 1}


@pytest.fixture
def run(api: Api) -> Run:
    """Runs the command in a thread, as a process of its own would."""

    async def command(*words: str, text: str | None = None) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, leeward, ["--url", api.url, *words], input=text)

    return command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two jobs of `demo` in two files."""
    (tmp_path / "one.yaml").write_text(text_of(collection_doc(), job_doc("one", recurrence=DAILY)))
    (tmp_path / "two.json").write_text(text_of(job_doc("two", recurrence=DAILY)))
    return tmp_path


async def applied(run: Run, folder: Path, *words: str) -> Result:
    return await run("apply", "-f", str(folder), *words)


async def outcomes(run: Run, folder: Path, *words: str) -> dict[str, str]:
    result = await applied(run, folder, "--dry-run", "--output", "json", *words)
    return {row["name"]: row["outcome"] for row in json.loads(result.stdout)["value"]}


async def test_a_folder_is_applied_and_again_without_effect(run: Run, folder: Path, api: Api) -> None:
    result = await applied(run, folder, "--yes")
    assert result.stdout.splitlines() == ["+ job demo/one", "+ job demo/two", "2 created, 1 unchanged"]
    before = await api.stored()
    assert (await applied(run, folder, "--yes")).stdout == "3 unchanged\n"
    assert (await applied(run, folder, "--diff")).exit_code == 0
    assert await api.stored() == before


async def test_a_difference_is_shown_changes_nothing_and_exits_1_with_diff(run: Run, folder: Path, api: Api) -> None:
    await applied(run, folder, "--yes")
    (folder / "two.json").write_text(text_of(job_doc("two", recurrence=DAILY, timeout="PT2M")))
    before = await api.stored()
    for words, code in ((["--diff"], 1), (["--dry-run"], 0)):
        result = await applied(run, folder, *words)
        assert result.exit_code == code
        assert result.stdout.splitlines() == [
            "~ job demo/two",
            "    timeout: PT1M -> PT2M",
            "would be: 1 updated, 2 unchanged",
        ]
    assert await api.stored() == before


async def test_nothing_is_done_where_nobody_can_be_asked(run: Run, folder: Path, api: Api) -> None:
    before = await api.stored()
    result = await applied(run, folder)
    assert (result.exit_code, "give --yes" in result.stderr) == (2, True)
    assert await api.stored() == before


async def test_what_the_files_have_no_more_is_pruned_and_nothing_else(run: Run, folder: Path, api: Api) -> None:
    await applied(run, folder, "--yes")
    await api.call("PUT", "/collections/demo/jobs/by-hand", a_job())
    (folder / "two.json").unlink()
    assert await outcomes(run, folder) == {"demo": "unchanged", "demo/one": "unchanged"}
    result = await applied(run, folder, "--prune", "--yes")
    assert result.stdout.splitlines() == ["- job demo/two", "2 unchanged, 1 deleted"]
    left = (await api.call("GET", "/collections/demo/jobs")).document["value"]
    assert [job["name"] for job in left] == ["by-hand", "one"]


async def test_files_of_another_owner_are_not_pruned(run: Run, folder: Path) -> None:
    await applied(run, folder, "--yes", "--owner", "team-a")
    (folder / "two.json").unlink()
    assert "demo/two" not in await outcomes(run, folder, "--prune", "--owner", "team-b")
    assert (await outcomes(run, folder, "--prune", "--owner", "team-a"))["demo/two"] == "deleted"


async def test_what_was_disabled_by_hand_stays_so(run: Run, folder: Path, api: Api) -> None:
    await applied(run, folder, "--yes")
    await run("job", "disable", "demo/two")
    (folder / "two.json").write_text(text_of(job_doc("two", recurrence=DAILY, timeout="PT2M")))
    assert (await applied(run, folder, "--yes")).exit_code == 0
    found = (await api.call("GET", "/collections/demo/jobs/two")).document
    assert (found["state"], found["timeout"]) == ("disabled", "PT2M")


async def test_behind_a_closed_collection_a_changed_job_keeps_its_own_state(run: Run, folder: Path, api: Api) -> None:
    await applied(run, folder, "--yes")
    await run("collection", "disable", "demo")
    (folder / "two.json").write_text(text_of(job_doc("two", recurrence=DAILY, timeout="PT2M")))
    assert (await applied(run, folder, "--yes")).stdout.splitlines()[-1] == "1 updated, 2 unchanged"
    await run("collection", "enable", "demo")
    found = (await api.call("GET", "/collections/demo/jobs/two")).document
    assert (found["state"], found["timeout"]) == ("enabled", "PT2M")


async def test_faults_of_all_files_are_told_together_before_anything_is_written(
    run: Run, folder: Path, api: Api
) -> None:
    (folder / "three.yaml").write_text("kind: job\ncollection: demo\nname: three\n")
    (folder / "four.yaml").write_text("kind: [")
    before = await api.stored()
    result = await applied(run, folder, "--yes")
    assert result.exit_code == 2
    assert "2 in the files, nothing was changed" in result.stderr
    assert f"{folder}/three.yaml:1: action is missing" in result.stderr
    assert f"{folder}/four.yaml:1: no YAML" in result.stderr
    assert await api.stored() == before


async def test_what_only_the_scheduler_can_judge_is_told_with_its_line_too(run: Run, folder: Path, api: Api) -> None:
    (folder / "three.yaml").write_text(
        "kind: job\ncollection: demo\nname: three\naction: {request: {uri: http://x/}}\n"
        "recurrence:\n  cron: 61 * * * *\n"
    )
    before = await api.stored()
    result = await applied(run, folder, "--diff")
    assert (result.exit_code, f"{folder}/three.yaml:6: recurrence.cron" in result.stderr) == (2, True)
    assert await api.stored() == before


async def test_a_job_that_is_refused_is_told_with_its_place_and_nothing_is_deleted(run: Run, folder: Path) -> None:
    await applied(run, folder, "--yes")
    (folder / "two.json").unlink()
    (folder / "bad.yaml").write_text(text_of(job_doc("bad", action={"request": {"uri": "ftp://x/"}}), job_doc("good")))
    result = await applied(run, folder, "--prune", "--yes")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert f"! job demo/bad refused, {folder}/bad.yaml:1" in lines
    assert lines[lines.index("! job demo/two refused") + 1] == "    left there: something else was refused"
    assert lines[-1] == "1 created, 2 unchanged, 2 refused"


async def test_secrets_come_from_beside_the_file_and_are_never_shown(run: Run, folder: Path, api: Api) -> None:
    authentication = {"type": "Basic", "username": "me", "passwordFile": "pw"}
    job = job_doc("two", action={"request": {"uri": "https://x.test/", "authentication": authentication}})
    (folder / "two.json").write_text(text_of(job))
    missing = await applied(run, folder, "--yes")
    assert (missing.exit_code, "two.json:1" in missing.stderr) == (2, True)
    (folder / "pw").write_text("hush-hush")
    result = await applied(run, folder, "--yes", "--output", "json")
    assert (result.exit_code, "hush" in result.output) == (0, False)
    [place] = api.services.secrets.sealed  # type: ignore[attr-defined]
    assert place.field == "action.request.authentication.password"
    assert set((await outcomes(run, folder)).values()) == {"unchanged"}


async def test_what_export_writes_is_applied_unchanged(run: Run, api: Api, tmp_path: Path) -> None:
    for kind, action in ACTIONS.items():
        name = kind.replace(" ", "-")
        await api.call("PUT", f"/collections/demo/jobs/{name}", {"action": {**action, "errorAction": action}})
    await api.call("PUT", "/collections/demo/jobs/off", a_job(state="Disabled", recurrence=every(5)))
    before = await api.stored()
    for words, name in ((["--output", "yaml"], "all.yaml"), ([], "all.json")):
        (tmp_path / name).write_text((await run("export", "--format", "leeward", *words)).stdout)
        assert set((await outcomes(run, tmp_path / name)).values()) == {"unchanged"}
        assert (await applied(run, tmp_path / name, "--yes", "--prune")).exit_code == 0
    assert await api.stored() == before


async def test_an_export_is_edited_and_applied_and_secrets_stay(run: Run, api: Api, tmp_path: Path) -> None:
    request = {"uri": "https://x.test/", "authentication": {"type": "Basic", "username": "me", "password": "pw"}}
    await api.call("PUT", "/collections/demo/jobs/hello", {"action": {"request": request}, "recurrence": every(5)})
    exported: dict[str, Any] = json.loads((await run("export", "--format", "leeward")).stdout)
    exported["jobs"][0]["timeout"] = "PT5M"
    (tmp_path / "all.json").write_text(json.dumps(exported))
    result = await applied(run, tmp_path / "all.json", "--yes")
    assert "note: keeps the secrets it has" in result.stdout
    assert (await api.call("GET", "/collections/demo/jobs/hello")).document["timeout"] == "PT5M"
    assert (await run("job", "run", "demo/hello")).exit_code == 0


async def test_standard_input_and_thousands_of_jobs(run: Run) -> None:
    text = json.dumps({"jobs": [job_doc(f"j{number}", recurrence=DAILY) for number in range(1201)]})
    first = await run("apply", "-f", "-", "--yes", "--output", "json", text=text)
    assert json.loads(first.stdout)["summary"]["created"] == {"collections": 0, "jobs": 1201}
    again = await run("apply", "-", "--diff", text=text)
    assert (again.exit_code, again.stdout) == (0, "would be: 1202 unchanged\n")


async def test_the_schema_for_editors_is_printed(run: Run) -> None:
    assert json.loads((await run("apply", "--schema")).stdout)["$defs"]["job"]["properties"]["kind"] == {"const": "job"}
    assert (await run("apply")).exit_code == 2
