"""From Azure's words to the scheduler's documents, and what cannot be carried."""

from typing import Any

import pytest

from tests.parts.moving import job_resource, sample, template, wanted

WHY = "no export holds it; give it to the template as a parameter, or write it into the file"


def translated(**properties: Any) -> Any:
    return wanted(template(job_resource("c/j", **properties)))["c/j"]


def test_a_portal_export_becomes_documents() -> None:
    found = wanted(sample("flat.json"))
    assert found["maintenance"].document == {"sku": {"name": "P20Premium"}, "state": "Enabled", "location": "West US"}
    assert found["maintenance/vacuum"].document == {
        "startTime": "2016-03-31T03:00:00",
        "action": {
            "type": "Https",
            "request": {"uri": "https://db.example.com/vacuum", "method": "post", "headers": {}},
            "retryPolicy": {"retryType": "None"},
        },
        "recurrence": {
            "frequency": "Month",
            "schedule": {
                "monthlyOccurrences": [{"day": "Friday", "Occurrence": -1}, {"day": "Monday", "Occurrence": 1}]
            },
        },
        "state": "Enabled",
    }


def test_fields_that_nobody_knows_are_named() -> None:
    assert wanted(sample("flat.json"))["maintenance/vacuum"].notes == ("colour is left out: no such field",)


def test_secrets_that_no_export_holds_are_named() -> None:
    found = wanted(sample("flat.json"))
    protected, enqueue = found["maintenance/protected"], found["maintenance/enqueue"]
    assert (protected.obstacles, enqueue.obstacles) == ((), ())
    assert protected.missing == (f"action.request.authentication.password: {WHY}",)
    assert enqueue.missing == (f"action.queueMessage.sasToken: {WHY}",)


def test_secrets_that_were_given_are_not_missing() -> None:
    found = wanted(sample("flat.json"), jobs_protected_password="x", jobs_enqueue_sasToken="y")
    assert [found[name].missing for name in ("maintenance/protected", "maintenance/enqueue")] == [(), ()]
    assert found["maintenance/enqueue"].document["action"]["queueMessage"]["sasToken"] == "y"


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("clientCertificate", ["pfx", "password"]),
        ("ActiveDirectoryOAuth", ["secret"]),
        ("basic", ["password"]),
    ],
)
def test_each_kind_of_authentication_names_its_secrets(kind: str, missing: list[str]) -> None:
    request = {"uri": "https://x.example", "authentication": {"type": kind, "certificateThumbprint": "AB"}}
    found = translated(action={"request": {}, "errorAction": {"request": request}})
    place = "action.errorAction.request.authentication"
    assert found.missing == tuple(f"{place}.{name}: {WHY}" for name in missing)
    assert found.document["action"]["errorAction"]["request"]["authentication"] == {"type": kind}


@pytest.mark.parametrize("message", ["serviceBusQueueMessage", "serviceBusTopicMessage"])
def test_a_message_to_service_bus_needs_its_key(message: str) -> None:
    found = translated(action={message: {"namespace": "n", "authentication": {"sasKeyName": "k"}}})
    assert found.missing == (f"action.{message}.authentication.sasKey: {WHY}",)


def test_a_certificate_may_have_no_password() -> None:
    authentication = {"type": "ClientCertificate", "pfx": "AA=="}
    assert translated(action={"request": {"authentication": authentication}}).missing == ()


def test_a_signature_needs_its_secret() -> None:
    assert translated(action={"request": {"uri": "x", "webhookSigned": True}}).missing == (
        f"action.request.webhookSecret: {WHY}",
    )


def test_months_would_be_lost_so_the_job_is_left_out() -> None:
    assert wanted(sample("classic.json"), "old")["old/seasonal"].obstacles == (
        "recurrence.schedule.months: not supported; it would run in every month",
    )


def test_a_deleted_collection_is_left_out() -> None:
    assert wanted(sample("collections.json"))["gone"].obstacles == ("state: Azure had deleted it",)


def test_no_authentication_is_no_obstacle() -> None:
    for nothing in (None, {}, {"type": "NotSpecified"}):
        found = translated(action={"request": {"uri": "http://x.example", "authentication": nothing}})
        assert (found.document["action"]["request"], found.obstacles) == ({"uri": "http://x.example"}, ())


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59", "9999-12-31"])
def test_never_ends_becomes_no_end(end: str) -> None:
    found = translated(recurrence={"frequency": "Day", "endTime": end, "schedule": {"weekDays": [], "hours": None}})
    assert found.document["recurrence"] == {"frequency": "Day"}


@pytest.mark.parametrize(("written", "iso"), [("00:01:00", "PT1M"), ("1.00:00:00", "P1D"), ("PT1D", "P1D"), ("?", "?")])
def test_durations_of_both_dialects_become_iso(written: str, iso: str) -> None:
    found = translated(action={"retryPolicy": {"retryInterval": written}})
    assert found.document["action"]["retryPolicy"]["retryInterval"] == iso


def test_fields_are_respelled_but_what_is_the_callers_own_is_not() -> None:
    own = {"STATE": "x", "uri": "y"}
    found = translated(Action={"TYPE": "Http", "request": {"URI": "http://x.example", "headers": own}}, tags=own)
    assert found.document == {
        "action": {"type": "Http", "request": {"uri": "http://x.example", "headers": own}},
        "tags": own,
    }


def test_a_job_that_has_ended_will_not_run_again() -> None:
    note = "was completed; Disabled here, so that it does not run again"
    assert wanted(sample("jobs.json"))["ops/once"].notes == (note,)


@pytest.mark.parametrize(
    ("properties", "warned"),
    [
        ({}, True),
        ({"startTime": "2026-03-02T11:59:59"}, True),
        ({"startTime": "2026-03-02T12:59:59+01:00"}, True),
        ({"startTime": "2026-03-02T12:00:01Z"}, False),
        ({"startTime": "later"}, False),
        ({"state": "Disabled"}, False),
        ({"recurrence": {"frequency": "Day"}}, False),
    ],
)
def test_a_one_time_job_that_would_run_at_once_is_pointed_out(properties: dict[str, Any], warned: bool) -> None:
    notes = translated(action={"request": {"uri": "http://x.example"}}, **properties).notes
    assert notes == (("runs at once: a one-time job without a startTime to come",) if warned else ())


def test_what_is_no_object_is_passed_on_for_the_scheduler_to_refuse() -> None:
    odd = {"action": "run", "recurrence": 5, "state": 7}
    assert translated(**odd).document == odd


def test_documents_of_our_own_stay_as_they_are() -> None:
    compact = sample("own.yaml")["jobs"][0]
    document = wanted(sample("own.yaml"))["fleet/compact"].document
    assert document == {name: value for name, value in compact.items() if name not in ("name", "collection")}
