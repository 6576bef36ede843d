"""What applying files does to what is there: changes told by field, states respected, nothing of others deleted."""

from typing import Any

from services.client.applying.ownership import TAG
from services.client.applying.plan import Extent, Rules, unclaimed
from tests.parts.applying import OURS, REQUEST, as_applied, collection_doc, job_doc, read, tasks_of, text_of, there

HELLO = job_doc(recurrence={"frequency": "Day", "schedule": {"hours": [5]}}, tags={"team": "db"})


def changed(content: str, jobs: list[dict[str, Any]], rules: Rules = OURS, **collection: Any) -> list[str]:
    task = tasks_of(read(content), there(jobs, **collection), rules)["demo/hello"]
    return [str(change) for change in task.step.changes]


def outcomes(content: str, jobs: list[dict[str, Any]], rules: Rules = OURS) -> dict[str, str]:
    return {name: task.outcome.value for name, task in tasks_of(read(content), there(jobs), rules).items()}


def test_what_is_new_is_created_and_what_was_applied_is_unchanged() -> None:
    text = text_of(collection_doc(), HELLO)
    assert outcomes(text, []) == {"demo": "unchanged", "demo/hello": "created"}
    assert outcomes(text, as_applied(read(text))) == {"demo": "unchanged", "demo/hello": "unchanged"}


def test_a_change_names_the_fields_with_old_and_new() -> None:
    later = job_doc(recurrence={"frequency": "Day", "schedule": {"hours": [6, 7]}}, timeout="PT2M")
    assert changed(text_of(later), as_applied(read(text_of(HELLO)))) == [
        "timeout: PT1M -> PT2M",
        "recurrence.schedule.hours: [5] -> [6,7]",
        "tags.team: db -> -",
    ]


def test_a_collection_s_change_is_told_and_its_state_left_alone() -> None:
    content = read(text_of(collection_doc(tags={"team": "db"})))
    task = tasks_of(content, there([], state="Disabled"))["demo"]
    assert [str(change) for change in task.step.changes] == ["tags.team: - -> db"]
    assert task.step.wanted.document["state"] == "Disabled"


def test_a_job_that_an_operator_disabled_stays_so_unless_the_file_says_otherwise() -> None:
    jobs = [{**one, "state": "disabled"} for one in as_applied(read(text_of(HELLO)))]
    assert changed(text_of(HELLO), jobs) == []
    task = tasks_of(read(text_of({**HELLO, "timeout": "PT2M"})), there(jobs))["demo/hello"]
    assert (task.outcome, task.step.wanted.document["state"]) == ("updated", "disabled")
    assert changed(text_of({**HELLO, "state": "Enabled"}), jobs) == ["state: disabled -> enabled"]


def test_a_job_that_has_run_to_its_end_is_started_anew_by_a_change_only_and_that_is_told() -> None:
    jobs = [{**one, "state": "completed"} for one in as_applied(read(text_of(HELLO)))]
    assert changed(text_of(HELLO), jobs) == []
    task = tasks_of(read(text_of({**HELLO, "timeout": "PT2M"})), there(jobs))["demo/hello"]
    assert task.step.wanted.notes == ("has run to its end and starts anew",)
    assert "state" not in task.step.wanted.document


def test_behind_a_closed_collection_a_job_s_own_state_is_neither_compared_nor_written() -> None:
    jobs = [{**one, "state": "disabled"} for one in as_applied(read(text_of(HELLO)))]
    assert changed(text_of({**HELLO, "state": "Enabled"}), jobs, state="Disabled") == []
    task = tasks_of(read(text_of({**HELLO, "timeout": "PT2M"})), there(jobs, state="Disabled"))["demo/hello"]
    assert task.patch is not None
    assert task.patch["timeout"] == "PT2M"
    assert "state" not in task.patch


def test_only_what_was_applied_is_pruned_and_only_by_its_owner() -> None:
    [mine] = as_applied(read(text_of(job_doc("mine"))))
    [theirs] = as_applied(read(text_of(job_doc("theirs"))), Rules(owner="others"))
    by_hand = {"name": "by-hand", "action": REQUEST}
    copy = {**mine, "name": "copy"}
    found = outcomes(text_of(collection_doc()), [mine, theirs, by_hand, copy])
    assert found == {"demo": "unchanged", "demo/mine": "deleted"}
    named = Rules(owner="files", extent=Extent.NAMED)
    assert outcomes(text_of(collection_doc()), [mine], named) == {"demo": "unchanged"}


def test_jobs_of_collections_that_no_file_names_are_not_looked_at() -> None:
    present = there(as_applied(read(text_of(HELLO))))
    content = read(text_of(collection_doc("other")))
    assert [task.outcome.value for task in tasks_of(content, present).values()] == ["created"]


def test_a_job_made_by_hand_that_files_have_as_it_is_stays_unclaimed_until_it_is_adopted() -> None:
    by_hand = {"name": "hello", "action": REQUEST}
    text, present = text_of(job_doc()), there([by_hand])
    tasks = tasks_of(read(text), present)
    assert unclaimed(list(tasks.values()), present) == ["demo/hello"]
    adopting = Rules(owner="files", adopt=True)
    assert changed(text, [by_hand], adopting) == ["applied by: - -> files"]
    task = tasks_of(read(text), present, adopting)["demo/hello"]
    assert task.step.wanted.document["tags"][TAG].startswith("files:")


def test_a_secret_is_written_when_its_source_changes_or_when_asked() -> None:
    def text(source: str) -> str:
        authentication = {"type": "Basic", "username": "me", "passwordFile": source}
        return text_of(job_doc(action={"request": {"uri": "https://x.test/", "authentication": authentication}}))

    jobs = as_applied(read(text("a")))
    for job in jobs:
        del job["action"]["request"]["authentication"]["password"]
    assert changed(text("a"), jobs) == []
    assert changed(text("b"), jobs) == ["secrets: (not shown) -> 1 from the file"]
    assert changed(text("a"), jobs, Rules(owner="files", secrets=True)) == ["secrets: (not shown) -> 1 from the file"]


def test_a_job_without_its_secret_is_changed_by_a_patch_that_keeps_it() -> None:
    action = {"request": {"uri": "https://x.test/", "authentication": {"type": "Basic", "username": "me"}}}
    jobs = [{"name": "hello", "action": action, "timeout": "PT1M", "overlap": "Skip"}]
    task = tasks_of(read(text_of(job_doc(action=action, timeout="PT5M"))), there(jobs))["demo/hello"]
    assert task.patch is not None
    assert {name for name in task.patch if name != "tags"} == {"timeout", "overlap"}
    assert (task.patch["timeout"], task.patch["overlap"]) == ("PT5M", None)
    created = tasks_of(read(text_of(job_doc("new", action=action))), there([]))["demo/new"]
    assert created.outcome == "skipped"
