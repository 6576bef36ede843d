"""`leeward keys`: the way of a key from its making to its retirement, on a file."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from shared.clock import SystemClock
from shared.keyfile import add_key, create_keys, load_keys
from tests.parts.vaults import key


def run(*words: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(leeward, ["keys", *map(str, words)], input=text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "leeward.keys"
    create_keys(path, key("k1"))
    return path


def test_a_file_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "new.keys"
    made = run("create", file)
    assert made.exit_code == 0
    [first] = load_keys(file)
    assert f"made with key {first.id}" in made.output
    again = run("create", file)
    assert (again.exit_code, load_keys(file)) == (1, (first,))


def test_a_new_key_waits_two_minutes_unless_told_otherwise(file: Path) -> None:
    began = SystemClock().now()
    assert run("rotate", file).exit_code == 0
    assert run("rotate", file, "--after", "1h").exit_code == 0
    assert run("rotate", file, "--at-once").exit_code == 0
    waits = [one.seals_from - began for one in load_keys(file) if one.seals_from is not None]
    assert [round(wait.total_seconds(), -2) for wait in waits] == [100, 3600, 0]


def test_the_list_says_which_key_seals_and_shows_none(file: Path) -> None:
    add_key(file, key("k2", seals_from=SystemClock().now() + timedelta(hours=1)))
    listed = run("list", file)
    assert [line.split()[:2] for line in listed.output.splitlines()[1:]] == [["k1", "now"], ["k2", "later"]]
    assert not any(one.split()[1] in listed.output for one in file.read_text().splitlines() if one.startswith("k"))


def test_a_key_is_retired_after_a_question_about_the_metric(file: Path) -> None:
    add_key(file, key("k2", seals_from=SystemClock().now() - timedelta(hours=1)))
    assert run("list", file).output.splitlines()[1].split()[:3] == ["k1", "no", "more"]
    asked = run("retire", file, "k1", text="n\n")
    assert asked.exit_code == 1
    assert "leeward_secrets_under_old_keys" in asked.output
    assert len(load_keys(file)) == 2
    assert run("retire", file, "k1", "--yes").exit_code == 0
    assert [one.id for one in load_keys(file)] == ["k2"]


def test_the_key_that_seals_is_not_retired(file: Path) -> None:
    refused = run("retire", file, "k1", "--yes")
    assert refused.exit_code == 1
    assert "seals now: add another first" in refused.output


def test_a_file_that_others_may_read_is_not_worked_on(file: Path) -> None:
    file.chmod(0o644)
    for words in (("list",), ("rotate",)):
        refused = run(*words, file)
        assert refused.exit_code == 1
        assert "chmod 600" in refused.output


def test_a_length_that_is_none_is_wrong_usage(file: Path) -> None:
    assert run("rotate", file, "--after", "soon").exit_code == 2
    assert len(load_keys(file)) == 1
