"""Jobs found by their tags."""

import pytest
from msgspec.structs import replace

from services.scheduler.domain.jobs import JobState
from services.scheduler.store.base import Store
from tests.parts.stored import NOW, SOMEWHERE, draft, put_collection

ODD = "a.b $[0]\"'\\ ключ"


@pytest.fixture
async def tagged(store: Store) -> Store:
    """A store with three jobs of one collection."""
    collection = await put_collection(store)
    plain = draft("plain")
    drafts = [plain]
    for name, tags in (("one", {"team": "a", "env": "prod"}), ("two", {"team": "a", ODD: "x'y"})):
        other = draft(name)
        drafts.append(replace(other, definition=replace(other.definition, tags=tags)))
    await store.put_jobs(collection.id, drafts, NOW)
    return store


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ({}, ["one", "plain", "two"]),
        ({"team": "a"}, ["one", "two"]),
        ({"team": "a", "env": "prod"}, ["one"]),
        ({"team": "A"}, []),
        ({"team": ""}, []),
        ({ODD: "x'y"}, ["two"]),
        ({"no": "prod"}, []),
    ],
)
async def test_jobs_have_all_the_tags_asked_for(tagged: Store, tags: dict[str, str], names: list[str]) -> None:
    collection = await tagged.get_collection(SOMEWHERE, "nightly")
    found = await tagged.list_jobs(collection.id, tags=tags, top=10, skip=0)
    assert [job.name for job in found] == names
    enabled = await tagged.list_jobs(collection.id, state=JobState.ENABLED, tags=tags, top=1, skip=1)
    assert [job.name for job in enabled] == names[1:2]
