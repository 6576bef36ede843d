"""The JSON Schema of files to apply is the API's, and says the same to an editor as to the command."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services.client.applying.schema import Schema, schema_text
from tests.parts import apply_schema
from tests.parts.applying import collection_doc, job_doc, read
from tests.parts.every_action import ACTIONS
from tests.parts.pages import DOCS

VALIDATOR = Draft202012Validator(apply_schema.schema())
SCHEMA = Schema(schema_text())
ALL = job_doc(
    action={"request": {"uri": "http://x/", "authentication": {"type": "basic", "passwordFile": "pw"}}},
    recurrence={"frequency": "week", "schedule": {"weekDays": ["Monday", "friday"], "minutes": 5}},
    maintenance={"byType": {"Freeze": {"strategy": "Ignore"}}, "cancel": {"request": {"uri": "http://x/"}}},
    status={"executionCount": 1},
)


def test_the_schema_in_the_package_is_what_the_api_says() -> None:
    assert apply_schema.FILE.read_text() == apply_schema.rendered(), "make docs writes it anew"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(apply_schema.schema())


@pytest.mark.parametrize("document", [collection_doc(), ALL, *(job_doc(action=action) for action in ACTIONS.values())])
def test_good_documents_are_good_to_both(document: dict[str, Any]) -> None:
    assert SCHEMA.faults(document, document["kind"]) == []
    assert VALIDATOR.is_valid(document)
    bundle = {f"{document['kind']}s": [{name: value for name, value in document.items() if name != "kind"}]}
    assert VALIDATOR.is_valid(bundle)


@pytest.mark.parametrize(
    "wrong",
    [
        {"overlap": "Never"},
        {"timeout": 5},
        {"tags": {"team": 1}},
        {"tags": []},
        {"recurrence": {"schedule": {"hours": ["x"]}}},
        {"recurrence": {"interval": True}},
        {"placement": {"pools": "db"}},
        {"action": None},
        {"name": "no name"},
    ],
)
def test_bad_documents_are_bad_to_both(wrong: dict[str, Any]) -> None:
    document = job_doc(**wrong)
    assert len(SCHEMA.faults(document, "job")) == 1
    assert not VALIDATOR.is_valid(document)


def test_the_files_that_the_how_to_shows_are_good() -> None:
    blocks = re.findall(r"```yaml\n(kind: .*?)```", (DOCS / "howto" / "apply.md").read_text(), re.DOTALL)
    assert [read(block).faults for block in blocks] == [()]
