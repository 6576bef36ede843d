"""What an import finds to do."""

from typing import Any

import pytest

from services.client.errors import MovingError
from services.client.moving.plan import Outcome, Step, There, counts, document_to_send, merged, plan
from services.client.moving.translation import Wanted

JOB = {"action": {"request": {"uri": "http://x.example"}}}
STORED = {
    "state": "enabled",
    "action": {"type": "Http", "request": {"uri": "http://x.example", "method": "GET"}},
    "overlap": "Skip",
    "catchUp": "RunOnce",
    "catchUpWindow": "PT1H",
    "timeout": "PT1M",
    "status": {"executionCount": 3},
    "updatedAt": "2026-01-01T00:00:00Z",
}


def job(name: str = "j", **more: Any) -> Wanted:
    return Wanted(collection="C", job=name, document={**JOB, **more})


def steps(*wanted: Wanted, collections: dict[str, Any] | None = None, jobs: dict[str, Any] | None = None) -> list[Step]:
    return plan(merged(wanted), There(collections=collections or {}, jobs={"c": jobs or {}}))


def test_a_new_job_brings_its_collection_along() -> None:
    found = steps(job())
    assert [(step.wanted.name, step.outcome) for step in found] == [("C", Outcome.CREATED), ("C/j", Outcome.CREATED)]


def test_a_collection_that_only_jobs_speak_of_is_left_as_it_is() -> None:
    found = steps(job(), collections={"c": {"state": "Disabled", "sku": {"name": "Free"}}})
    assert (found[0].outcome, found[0].wanted.notes) == (Outcome.UNCHANGED, ())


def test_what_is_there_is_unchanged_and_what_differs_is_updated() -> None:
    found = steps(job(), job("k", timeout="PT5M"), collections={"c": {}}, jobs={"j": STORED, "k": STORED})
    assert [step.outcome for step in found] == [Outcome.UNCHANGED, Outcome.UNCHANGED, Outcome.UPDATED]


def test_a_job_behind_a_closed_collection_is_written_again() -> None:
    found = steps(job(), collections={"c": {"state": "Disabled"}}, jobs={"j": {**STORED, "state": "disabled"}})
    assert found[1].outcome is Outcome.UPDATED


def test_jobs_of_a_collection_that_is_left_out_are_left_out() -> None:
    found = steps(Wanted(collection="c", document={}, obstacles=("state: deleted",)), job())
    assert [step.outcome for step in found] == [Outcome.SKIPPED, Outcome.SKIPPED]


def test_a_collection_is_not_made_for_jobs_that_cannot_come() -> None:
    assert [step.wanted.name for step in steps(Wanted(collection="c", job="j", document={}, obstacles=("x",)))] == [
        "c/j"
    ]


def test_the_same_twice_counts_once_and_a_contradiction_is_refused() -> None:
    assert len(merged([job(), job("J")])) == 2
    with pytest.raises(MovingError, match="C/j comes twice, with different content"):
        merged([job(), job(timeout="PT5M")])


def test_a_job_that_has_ended_is_sent_disabled() -> None:
    assert document_to_send(job(state="Faulted"))["state"] == "Disabled"
    assert "state" not in document_to_send(job())


def test_outcomes_are_counted_by_kind() -> None:
    assert counts(steps(job(), job("k"))) == {"created": {"collections": 1, "jobs": 2}}
