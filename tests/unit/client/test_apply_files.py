"""Files to apply: what they may hold, and every fault with its file and line."""

from pathlib import Path

import click
import pytest

from services.client.applying.files import File, find_files, steps_of
from tests.parts.applying import collection_doc, job_doc, read, text_of

HINT = "write kind: collection or kind: job, or what `leeward export --format leeward` writes"
GOOD = """\
kind: collection
name: demo
---
kind: job
collection: demo
name: hello
action: {request: {uri: http://web-0/x}}
"""


def faults(*texts: str) -> list[str]:
    return [str(fault) for fault in read(*texts).faults]


def test_a_file_holds_several_documents() -> None:
    content = read(GOOD)
    assert [entry.key for entry in content.entries] == ["demo", "demo/hello"]
    assert (content.faults, content.warnings) == ((), ())


def test_json_documents_may_follow_each_other_and_have_comments() -> None:
    text = '// first\n{"kind": "collection",\n "name": "demo"}\n{"kind": "collection", "name": "other"}'
    assert [entry.place for entry in read(text).entries] == ["1.yaml:2", "1.yaml:4"]


def test_every_fault_of_every_file_is_told_with_its_line() -> None:
    wrong = GOOD.replace("action:", "overlap: Never\nrecurence: {}\nstate: 5\naction:")
    assert faults(wrong, "a: [", "- 1", "", "kind: Deployment", "kind: job") == [
        "1.yaml:7: overlap: 'Never' is none of Allow, QueueOne, Skip",
        "1.yaml:8: recurence: 'recurence' is no field here; did you mean 'recurrence'?",
        "1.yaml:9: state: must be a text",
        "2.yaml:1: no YAML: expected the node content, but found '<stream end>'",
        f"3.yaml:1: no document; {HINT}",
        f"4.yaml:1: holds nothing: {HINT}",
        f"5.yaml:1: kind 'Deployment' is none of ours; {HINT}",
        "6.yaml:1: name is missing",
        "6.yaml:1: collection is missing",
        "6.yaml:1: action is missing",
    ]


def test_a_fault_deep_within_a_bundle_has_its_own_line() -> None:
    text = '{"jobs": [\n {"collection": "demo", "name": "a",\n  "action": {"request": {\n   "uri": 5}}}]}'
    assert faults(text) == ["1.yaml:4: action.request.uri: must be a text"]


def test_a_name_that_comes_twice_names_both_places() -> None:
    assert faults(GOOD, text_of(job_doc("HELLO"))) == ["2.yaml:1: demo/HELLO comes twice; it stands at 1.yaml:4, too"]


def test_a_template_is_for_import() -> None:
    text = '{"$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"}'
    assert faults(text) == ["1.yaml:1: an ARM template; `leeward import` takes those over"]


def test_names_and_choices_are_held_to_the_schema() -> None:
    assert faults(text_of(collection_doc("no name"))) == [
        "1.yaml:1: name: 'no name' does not fit: a letter or digit, then up to 127 letters, digits, '-', '_' or '.'"
    ]
    assert faults(text_of(job_doc(overlap="queueone", recurrence={"frequency": "DAY"}))) == []


def test_a_folder_stands_for_all_below_it_but_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.json", "deep/c.YML", ".git/d.yaml", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    found = find_files([str(tmp_path), str(tmp_path / "a.json")])
    assert [Path(one).name for one in found] == ["a.json", "b.yaml", "c.YML"]


def test_a_path_that_is_not_there_and_a_folder_without_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(click.BadParameter, match=r"is not there|has no file"):
            find_files([str(path)])


def test_a_place_that_a_file_does_not_have_is_as_near_as_can_be() -> None:
    file = File("x.yaml", GOOD)
    assert file.line_of(1, steps_of("action.request.headers[0].x")) == 7
    assert file.line_of(9, ()) == 1
    assert steps_of("recurrence.schedule.hours[2]") == ("recurrence", "schedule", "hours", 2)


@pytest.mark.parametrize("text", ["- " * 100_000, "[" * 100_000, '{"a": ' * 100_000, "a: &a [*a]"])
def test_what_is_nested_beyond_all_bounds_is_a_fault_and_no_crash(text: str) -> None:
    [fault] = faults(text)
    assert fault.startswith("1.yaml:1: ")
