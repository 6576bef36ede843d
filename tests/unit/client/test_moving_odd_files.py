"""Whatever a file holds, it is read or refused; nothing breaks."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.client.errors import MovingError
from services.client.moving.fields import COLLECTION_FIELDS, JOB_FIELDS
from services.client.moving.plan import There, document_to_send, merged, plan
from services.client.moving.translation import Wanted
from tests.parts.moving import template, wanted

_OUTER = ("id", "name", "type", "collection", "properties", "resources", "value", "jobs", "collections", "condition")
NAMES = st.sampled_from([*_OUTER, *COLLECTION_FIELDS, *JOB_FIELDS, "copy", "status", "byType", "parameters"])
TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["c/j", "Microsoft.Scheduler/jobCollections/jobs", "Basic", "completed", "9999-12-31", "PT1M", "[x]"]
    ),
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9999), st.floats(allow_nan=False), TEXTS)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))
OBJECT = st.dictionaries(NAMES, JSON, max_size=6)


def read_or_refused(document: Any, collection: str | None = None) -> list[Wanted] | str:
    """Return everything that is read from a document, or why it is refused."""
    try:
        return list(wanted(document, collection).values())
    except MovingError as refusal:
        return refusal.message


@settings(max_examples=50)
@given(JSON)
@example({"name": ""})
@example({"id": ""})
def test_any_document_is_read_or_refused(document: Any) -> None:
    outcome = read_or_refused(document, "c")
    assert outcome if isinstance(outcome, str) else all(one.collection for one in outcome)


@settings(max_examples=50)
@given(st.lists(OBJECT, max_size=2), OBJECT)
def test_any_template_is_read_or_refused(resources: list[dict[str, Any]], more: dict[str, Any]) -> None:
    others = {name: value for name, value in more.items() if name != "resources"}
    outcome = read_or_refused(template(*resources, **others))
    assert outcome if isinstance(outcome, str) else all(one.collection for one in outcome)


def test_a_template_without_bottom_is_refused() -> None:
    properties: dict[str, Any] = {}
    for _ in range(5000):
        properties = {"a": properties}
    with pytest.raises(MovingError, match="nested more deeply"):
        wanted(template({"type": "Microsoft.Scheduler/jobCollections", "name": "c", "properties": properties}))


@settings(max_examples=50)
@given(OBJECT, OBJECT)
def test_any_job_is_planned_beside_any_other(properties: dict[str, Any], there: dict[str, Any]) -> None:
    found = merged(wanted({"name": "c/j", "properties": properties}).values())
    steps = plan(found, There(collections={"c": there}, jobs={"c": {"j": there}}))
    assert [document_to_send(step.wanted)["name"] for step in steps if step.wanted.job] == ["j"]
