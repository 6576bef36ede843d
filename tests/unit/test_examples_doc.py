"""docs/examples/index.md shows every example by including its file, and explains it."""

import re

from tests.parts.examples import FOLDER

PAGE = (FOLDER / "index.md").read_text()


def test_every_file_is_included_once_and_every_inclusion_is_a_file() -> None:
    included = re.findall(r'^--8<-- "examples/(.+)"$', PAGE, re.MULTILINE)
    files = {file.name for file in FOLDER.iterdir() if file.is_file()} - {"index.md"}
    assert sorted(included) == sorted(files)


def test_every_example_stands_in_the_table_with_an_identity_that_the_access_list_knows() -> None:
    rows = dict(re.findall(r"^\| \[(\S+)\]\(#\S+\) \|.*\| `(\S+)` \|$", PAGE, re.MULTILINE))
    files = {file.name for file in FOLDER.iterdir() if file.is_file()} - {"index.md", "broker.py"}
    assert rows.keys() == files
    assert set(rows.values()) == {"leeward-reader", "leeward-operator"}


def test_the_python_examples_use_nothing_of_leewards_code() -> None:
    for file in FOLDER.glob("*.py"):
        assert not re.search(r"^(from|import) (services|shared|tests)\b", file.read_text(), re.MULTILINE), file.name
