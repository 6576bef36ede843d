"""Microsoft's client 2.0.0, which speaks hh:mm:ss only, finds Azure Scheduler here."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.parts.judges import Notes, judged
from tests.parts.pfx import a_pfx

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def notes() -> AsyncIterator[Notes]:
    """What the client was told."""
    yield await judged("2", more=(a_pfx(),))


def interval(job: Any) -> str:
    return str(job["properties"]["action"]["retry_policy"]["retry_interval"])


async def test_collections_work(notes: Notes) -> None:
    created = notes["collection created"]
    assert (created["name"], created["properties"]) == ("jc", {"sku": {"name": "Standard"}, "state": "Enabled"})
    assert notes["collection patched"] == {**created, "tags": {"a": "1"}} == notes["after enabling"]
    assert (
        notes["collections of the group"] == notes["collections of the subscription"] == [notes["collection patched"]]
    )
    assert [notes[note] for note in ("disabled", "enabled", "collection deleted")] == [None, None, None]


async def test_jobs_work_in_the_old_duration_format(notes: Notes) -> None:
    created = notes["job created"]
    assert interval(created) == "PT1M"
    assert created["properties"]["recurrence"]["schedule"] == {"week_days": ["Monday"], "hours": [5], "minutes": [0]}
    assert notes["job patched"]["properties"]["recurrence"]["interval"] == 2
    assert notes["job got"] == notes["job patched"]


async def test_a_duration_of_days_comes_back_as_it_was_meant(notes: Notes) -> None:
    """The client multiplies days by 30 on the way out and divides them on the way in (reference §2.5)."""
    assert interval(notes["job of days"]) == "P1DT12H"


async def test_lists_use_the_format_that_the_client_reads_there(notes: Notes) -> None:
    days, hello = notes["jobs in pages"]
    assert (days["name"], hello["name"]) == ("jc/days", "jc/hello")
    assert interval(hello) == "PT1M"


@pytest.mark.parametrize("kind", ["basic", "certificate", "oauth", "storage", "queue", "topic"])
async def test_jobs_with_secrets_come_back_without_them(notes: Notes, kind: str) -> None:
    made = notes[f"{kind} made"]
    assert made["name"] == f"jc/{kind}"
    assert notes[f"{kind} got"] == notes[f"{kind} patched"] == made
    assert "canary" not in str(made)


async def test_each_authentication_is_the_class_that_it_was(notes: Notes) -> None:
    kinds = {
        kind: notes[f"{kind} got"]["properties"]["action"]["request"]["authentication"]
        for kind in ("basic", "certificate", "oauth")
    }
    assert kinds["basic"] == {"type": "Basic", "username": "u"}
    assert kinds["certificate"]["certificate_subject_name"] == "CN=leeward-test"
    assert kinds["oauth"]["client_id"] == "c"


async def test_a_time_to_live_is_read_in_the_old_duration_format(notes: Notes) -> None:
    message = notes["topic got"]["properties"]["action"]["service_bus_topic_message"]
    assert message["brokered_message_properties"] == {"label": "l", "time_to_live": "PT1H"}


async def test_runs_history_and_deletion_work(notes: Notes) -> None:
    assert (notes["run"], notes["job deleted"]) == (None, None)
    (row,) = notes["history"]
    assert (row["properties"]["status"], row["properties"]["action_name"]) == ("Completed", "MainAction")


async def test_errors_have_code_and_message(notes: Notes) -> None:
    for note in ("no job", "no collection"):
        assert (notes[note]["error"], notes[note]["status"], notes[note]["code"]) == (
            "CloudError",
            404,
            "ResourceNotFound",
        )
    assert "under resource group 'rg' was not found" in notes["no collection"]["message"]
