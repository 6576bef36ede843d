"""What kinds of files are told apart."""

from typing import Any

import pytest

from services.client.errors import MovingError
from services.client.moving.parameters import Given
from services.client.moving.sources import Dialect, Foreign, Found, read_source
from tests.parts.moving import sample

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Scheduler/jobCollections"
PLAIN = {"properties": {"action": {"type": "http"}}}


def names(document: Any, collection: str | None = None) -> list[str]:
    return [one.name for one in read_source(document, Given(), collection)]


def test_lists_of_the_arm_api() -> None:
    assert names(sample("collections.json")) == ["ops", "gone"]
    assert names(sample("jobs.json")) == ["ops/ping", "ops/once", "ops/tell"]


def test_a_dump_of_the_classic_api_needs_a_collection() -> None:
    assert names(sample("classic.json"), "old") == ["old/cleanup", "old/seasonal"]
    with pytest.raises(MovingError, match=r"job cleanup does not say .*; give --collection NAME"):
        names(sample("classic.json"))


def test_documents_of_our_own() -> None:
    found = read_source(sample("own.yaml"), Given(), None)
    assert [(one.name, one.dialect) for one in found if isinstance(one, Found)] == [
        ("fleet", Dialect.OWN),
        ("fleet/compact", Dialect.OWN),
    ]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({**PLAIN, "id": f"{ID}/c/jobs/j"}, "c/j"),
        ({**PLAIN, "id": f"{ID.lower()}/c/jobs/a%20b"}, "c/a b"),
        ({**PLAIN, "type": "Microsoft.Scheduler/jobCollections/jobs", "name": "c/j"}, "c/j"),
        ({**PLAIN, "name": "c/j"}, "c/j"),
        ({**PLAIN, "name": "j"}, "given/j"),
        ({"properties": {"sku": {}}, "name": "c"}, "c"),
        ({"name": "c", "sku": {"name": "Free"}}, "c"),
        ({"name": "j", "action": {}}, "given/j"),
        ({"name": "j", "collection": "c"}, "c/j"),
        ([{"name": "j", "collection": "c"}], "c/j"),
        ({"id": "j", "action": {}}, "given/j"),
    ],
)
def test_single_ones_are_recognised(document: Any, name: str) -> None:
    assert names(document, "given") == [name]


def test_resources_of_others_are_foreign() -> None:
    found = read_source({"resources": [{"type": "Microsoft.Web/sites", "name": "s"}]}, Given(), None)
    assert found == [Foreign(name="s", type="Microsoft.Web/sites")]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("<Jobs/>", "is no job and no collection"),
        (None, "is no job and no collection"),
        ({}, "holds neither jobs nor collections"),
        ([{"properties": {}}], "is no name for a"),
        ([{"action": {}}], "without a name"),
        ({"value": ["x"]}, "'x' is no job"),
        ({"resources": [{"type": "Microsoft.Scheduler/jobCollections/jobs", "name": "j"}]}, "is no name for a"),
    ],
)
def test_other_things_are_refused(document: Any, why: str) -> None:
    with pytest.raises(MovingError, match=why):
        names(document, "given")
