"""Microsoft's client 7.0.0, synchronous and asynchronous, finds Azure Scheduler here."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.parts.judges import Notes, judged
from tests.parts.pfx import a_pfx

pytestmark = pytest.mark.asyncio(loop_scope="module")
BASE = "/subscriptions/sub-1/resourceGroups/rg/providers/Microsoft.Scheduler/jobCollections"
REQUEST = {
    "uri": "http://db-0/tick",
    "method": "POST",
    "body": "{}",
    "headers": {"Content-Type": "application/json"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sync", "aio"])
async def notes(request: pytest.FixtureRequest) -> AsyncIterator[Notes]:
    """What the client was told."""
    yield await judged("7", request.param, more=("", a_pfx()))


def names(listed: Any) -> list[str]:
    return [item["name"] for item in listed]


def refusal(note: Any) -> tuple[str, int, str]:
    return note["error"], note["status"], note["code"]


async def test_a_collection_is_created_with_all_its_fields(notes: Notes) -> None:
    assert notes["collection created"] == {
        "id": f"{BASE}/full",
        "type": "Microsoft.Scheduler/jobCollections",
        "name": "full",
        "location": "West US",
        "tags": {"team": "ops"},
        "properties": {
            "sku": {"name": "Standard"},
            "state": "Enabled",
            "quota": {
                "max_job_count": 20,
                "max_job_occurrence": 10,
                "max_recurrence": {"frequency": "minute", "interval": 5},
            },
        },
    }
    assert notes["collection updated"] == notes["collection got"] == notes["collection created"]


async def test_a_bare_collection_is_standard_enabled_and_has_no_quota(notes: Notes) -> None:
    bare = notes["bare collection"]
    assert bare["properties"] == {"sku": {"name": "Standard"}, "state": "Enabled"}
    assert bare["location"] == "South Central US"


async def test_a_patched_collection_keeps_what_was_not_named(notes: Notes) -> None:
    before, after = notes["collection created"], notes["collection patched"]
    assert after == {**before, "tags": {"team": "ops", "a": "1"}}


async def test_collections_are_listed_by_group_and_by_subscription(notes: Notes) -> None:
    assert names(notes["collections of the group"]) == ["full", "jc"]
    ids = [one["id"] for one in notes["collections of the subscription"]]
    assert ids == [f"{BASE}/full", f"{BASE}/jc", f"{BASE.replace('/rg/', '/rg-2/')}/jc"]


async def test_a_collection_is_disabled_and_enabled(notes: Notes) -> None:
    assert (notes["disabled"], notes["enabled"]) == (None, None)
    assert notes["after disabling"]["properties"]["state"] == "Disabled"
    assert notes["after enabling"]["properties"]["state"] == "Enabled"


async def test_a_deleted_collection_is_gone(notes: Notes) -> None:
    assert notes["collection deleted"] is None
    assert refusal(notes["after deleting"]) == ("ResourceNotFoundError", 404, "ResourceNotFound")


async def test_a_job_is_created_with_all_its_fields(notes: Notes) -> None:
    job = notes["job created"]
    assert (job["id"], job["name"]) == (f"{BASE}/jc/jobs/full", "jc/full")
    assert job["type"] == "Microsoft.Scheduler/jobCollections/jobs"
    properties = job["properties"]
    assert (properties["start_time"], properties["state"]) == ("2026-06-01T09:30:00.000Z", "enabled")
    assert properties["action"] == {
        "type": "Http",
        "request": REQUEST,
        "retry_policy": {"retry_type": "fixed", "retry_interval": "PT1M", "retry_count": 2},
        "error_action": {
            "type": "Https",
            "request": {"uri": "https://db-1/failed", "method": "PUT"},
            "retry_policy": {"retry_type": "none"},
        },
    }
    assert notes["job updated"] == notes["job got"] == job


async def test_retries_that_grow_are_read_and_put_back_by_a_client_that_does_not_know_them(notes: Notes) -> None:
    policy = notes["patient job"]["properties"]["action"]["retry_policy"]
    assert policy == {"retry_type": "exponential", "retry_interval": "PT30S", "retry_count": 7}
    assert notes["patient job put back"] == notes["patient job got"] == notes["patient job"]


async def test_a_recurrence_comes_back_whole(notes: Notes) -> None:
    assert notes["job created"]["properties"]["recurrence"] == {
        "frequency": "month",
        "interval": 2,
        "count": 10,
        "end_time": "2029-01-01T00:00:00.000Z",
        "schedule": {
            "hours": [5, 17],
            "minutes": [0, 30],
            "month_days": [1, -1],
            "monthly_occurrences": [{"day": "friday", "occurrence": -1}],
        },
    }
    weekly = notes["weekly job"]["properties"]["recurrence"]
    assert weekly == {"frequency": "week", "interval": 1, "schedule": {"week_days": ["monday", "friday"]}}


async def test_a_patched_job_keeps_what_was_not_named(notes: Notes) -> None:
    before, after = notes["job created"]["properties"], notes["job patched"]["properties"]
    assert after["recurrence"] == {**before["recurrence"], "interval": 3}
    assert after["action"] == before["action"]


async def test_a_disabled_job_has_no_status(notes: Notes) -> None:
    properties = notes["job disabled"]["properties"]
    assert (properties["state"], "status" in properties) == ("disabled", False)


async def test_a_put_replaces_the_whole_job(notes: Notes) -> None:
    assert notes["job replaced"]["properties"] == {
        "start_time": "2026-06-01T09:30:00.000Z",
        "action": {"type": "Http", "request": REQUEST},
        "state": "disabled",
    }


async def test_names_may_hold_dots_and_dashes_and_no_slash(notes: Notes) -> None:
    assert notes["job of odd name"]["name"] == "jc/a.b-c_d"
    assert refusal(notes["percent-encoded job"]) == ("HttpResponseError", 400, "BadRequest")


async def test_a_job_is_deleted_once(notes: Notes) -> None:
    assert notes["job deleted"] is None
    assert refusal(notes["deleted twice"]) == ("ResourceNotFoundError", 404, "ResourceNotFound")


async def test_a_run_is_in_history_and_in_the_counters(notes: Notes) -> None:
    assert notes["run"] is None
    (row,) = notes["history"]
    collection, job, key = row["name"].split("/")
    assert (collection, job, row["id"]) == ("jc", "runner", f"{BASE}/jc/jobs/runner/history/{key}")
    assert row["type"] == "Microsoft.Scheduler/jobCollections/jobs/history"
    assert row["properties"] == {
        "start_time": "2026-03-02T12:00:00.000Z",
        "end_time": "2026-03-02T12:00:00.000Z",
        "expected_execution_time": "2026-03-02T12:00:00.000Z",
        "action_name": "MainAction",
        "status": "Completed",
        "message": "Http Action - Response from host 'db-0': 'OK' Response Headers: A: b Body: c",
        "retry_count": 0,
        "repeat_count": 1,
    }
    assert notes["after running"]["properties"]["status"] == {
        "execution_count": 1,
        "failure_count": 0,
        "faulted_count": 0,
        "last_execution_time": "2026-03-02T12:00:00.000Z",
        "next_execution_time": "2026-06-01T09:30:00.000Z",
    }


async def test_history_is_filtered_by_status(notes: Notes) -> None:
    assert notes["history completed"] == notes["history"]
    assert notes["history failed"] == []


async def test_lists_come_in_pages_which_the_client_follows(notes: Notes) -> None:
    jobs = [f"wide/job-{number}" for number in range(7)]
    assert names(notes["all jobs"]) == names(notes["jobs in pages"]) == jobs
    assert names(notes["jobs from the sixth"]) == jobs[5:]


async def test_jobs_are_filtered_by_state_page_after_page(notes: Notes) -> None:
    assert names(notes["disabled jobs"]) == ["wide/job-1", "wide/job-3", "wide/job-5"]


async def test_bad_input_is_a_bad_request(notes: Notes) -> None:
    for note in ("too large a page", "odd filter", "no action"):
        assert refusal(notes[note]) == ("HttpResponseError", 400, "BadRequest")


async def test_what_is_missing_is_not_found_in_the_recorded_words(notes: Notes) -> None:
    assert refusal(notes["no job"]) == ("ResourceNotFoundError", 404, "ResourceNotFound")
    assert notes["no collection"]["message"] == (
        "The Resource 'Microsoft.Scheduler/jobcollections/TestJobCollection' under resource group 'rg' was not found."
    )


async def test_plans_are_kept(notes: Notes) -> None:
    assert notes["free collection"]["properties"]["sku"] == {"name": "Free"}
    for note in ("second free collection", "too often"):
        assert refusal(notes[note]) == ("ResourceExistsError", 409, "ConflictError")


async def test_a_name_that_would_lead_elsewhere_is_refused_and_nothing_is_stored(notes: Notes) -> None:
    note = notes["account of a URL"]
    assert refusal(note) == ("HttpResponseError", 400, "BadRequest")
    assert note["message"].startswith("action.queueMessage.storageAccount: is no storage account")
    assert notes["after refusals"]["error"] == "ResourceNotFoundError"


SECRETS = {
    "basic": "action.request.authentication.password",
    "certificate": "action.request.authentication.pfx",
    "oauth": "action.request.authentication.secret",
    "storage": "action.queueMessage.sasToken",
    "queue": "action.serviceBusQueueMessage.authentication.sasKey",
    "topic": "action.serviceBusTopicMessage.authentication.sasKey",
}


@pytest.mark.parametrize("kind", SECRETS)
async def test_secrets_are_kept_by_a_patch_and_wanted_by_a_put(notes: Notes, kind: str) -> None:
    made, put_back = notes[f"{kind} made"], notes[f"{kind} put back"]
    assert made["name"] == f"jc/{kind}"
    assert notes[f"{kind} got"] == notes[f"{kind} patched"] == made
    assert "canary" not in str(made)
    assert refusal(put_back) == ("HttpResponseError", 400, "BadRequest")
    assert put_back["message"].startswith(f"{SECRETS[kind]}: is required")


async def test_each_authentication_comes_back_as_its_own_class(notes: Notes) -> None:
    shown = {
        kind: notes[f"{kind} got"]["properties"]["action"]["request"]["authentication"]
        for kind in ("basic", "certificate", "oauth")
    }
    assert shown["basic"] == {"type": "Basic", "username": "u"}
    assert shown["oauth"] == {"type": "ActiveDirectoryOAuth", "tenant": "t", "audience": "a", "client_id": "c"}
    certificate = shown["certificate"]
    assert len(certificate.pop("certificate_thumbprint")) == 40
    assert certificate == {
        "type": "ClientCertificate",
        "certificate_subject_name": "CN=leeward-test",
        "certificate_expiration_date": "2030-01-31T12:00:00.000Z",
    }


async def test_a_message_to_a_storage_queue_comes_back_whole(notes: Notes) -> None:
    assert notes["storage got"]["properties"]["action"] == {
        "type": "StorageQueue",
        "queue_message": {"storage_account": "account1", "queue_name": "orders", "message": "hello"},
    }


@pytest.mark.parametrize(
    ("kind", "place", "entity", "transport"),
    [
        ("queue", "service_bus_queue_message", {"queue_name": "orders"}, "amqp"),
        ("topic", "service_bus_topic_message", {"topic_path": "orders/eu"}, "netMessaging"),
    ],
)
async def test_a_message_to_service_bus_comes_back_whole(
    notes: Notes, kind: str, place: str, entity: dict[str, str], transport: str
) -> None:
    assert notes[f"{kind} got"]["properties"]["action"][place] == {
        **entity,
        "authentication": {"sas_key_name": "sender", "type": "sharedAccessKey"},
        "namespace": "space1",
        "transport_type": transport,
        "message": "hello",
        "custom_message_properties": {"a": "b"},
        "brokered_message_properties": {
            "content_type": "text/plain",
            "correlation_id": "c",
            "force_persistence": True,
            "label": "l",
            "message_id": "m",
            "partition_key": "s",
            "reply_to": "r",
            "reply_to_session_id": "rs",
            "scheduled_enqueue_time_utc": "2026-06-01T09:30:00.000Z",
            "session_id": "s",
            "time_to_live": "PT1H",
            "to": "t",
            "via_partition_key": "v",
        },
    }


async def test_an_error_action_may_be_of_another_kind(notes: Notes) -> None:
    action = notes["two kinds"]["properties"]["action"]
    assert (action["type"], action["error_action"]["type"]) == ("StorageQueue", "ServiceBusTopic")
    assert action["error_action"]["service_bus_topic_message"]["topic_path"] == "orders/eu"
