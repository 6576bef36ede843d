"""What `leeward export --format leeward` writes is applied without a change."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.client.moving.exports import write_documents
from services.client.moving.plan import There
from tests.parts.applying import as_applied, read, tasks_of
from tests.parts.moving_strategies import COLLECTION, JOB, settled

Json = dict[str, Any]

JOBS = st.lists(JOB, max_size=3, unique_by=lambda job: str(job["name"]).lower())


def present(collection: Json, jobs: list[Json]) -> There:
    home = collection["name"].lower()
    return There(collections={home: collection}, jobs={home: {job["name"].lower(): job for job in jobs}})


@settings(deadline=None)
@given(COLLECTION, JOBS)
def test_an_export_is_applied_without_a_change(collection: Json, jobs: list[Json]) -> None:
    jobs = settled(collection, jobs)
    content = read(msgspec.json.encode(write_documents([collection], jobs)).decode())
    tasks = tasks_of(content, present(collection, jobs))
    assert {task.outcome.value for task in tasks.values()} == {"unchanged"}


@settings(deadline=None)
@given(COLLECTION, JOBS)
def test_what_was_applied_is_exported_and_applied_without_a_change(collection: Json, jobs: list[Json]) -> None:
    content = read(msgspec.json.encode(write_documents([collection], settled(collection, jobs))).decode())
    applied = settled(collection, as_applied(content))
    exported = read(msgspec.json.encode(write_documents([collection], applied)).decode())
    tasks = tasks_of(exported, present(collection, applied))
    assert {task.outcome.value for task in tasks.values()} == {"unchanged"}
