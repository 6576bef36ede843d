"""Exchanges recorded with the real Azure Scheduler (reference azure-scheduler §1.9), played again."""

from datetime import UTC, datetime
from typing import Any

from tests.parts.arm import COLLECTIONS, Arm

THEN = datetime(2016, 3, 30, 19, 36, tzinfo=UTC)
ZEROS = {"executionCount": 0, "failureCount": 0, "faultedCount": 0}


async def created(arm: Arm, **properties: Any) -> dict[str, Any]:
    reply = await arm.put_job("j", **properties)
    assert reply.status == 201
    stored: dict[str, Any] = reply.document["properties"]
    return stored


async def test_put_of_a_collection_answers_with_it_and_id_and_type(arm: Arm) -> None:
    quota = {"maxJobCount": 50, "maxRecurrence": {"frequency": "Minute", "interval": 1}}
    properties = {"sku": {"name": "Standard"}, "state": "Enabled", "quota": quota}
    body = {"name": "c", "location": "South Central US", "properties": properties}
    reply = await arm.call("PUT", "/c", body)
    shown = {**properties, "quota": {"maxJobCount": 50, "maxRecurrence": {"frequency": "minute", "interval": 1}}}
    identity = {"id": f"{COLLECTIONS}/c", "type": "Microsoft.Scheduler/jobCollections"}
    assert (reply.status, reply.document) == (201, {**body, **identity, "properties": shown})


async def test_put_of_a_small_collection_shows_its_region_by_name_and_no_quota(arm: Arm) -> None:
    reply = await arm.call("PUT", "/c", {"location": "westus", "properties": {"sku": {"name": "Free"}}})
    assert (reply.status, reply.document["location"]) == (201, "West US")
    assert reply.document["properties"] == {"sku": {"name": "Free"}, "state": "Enabled"}


async def test_count_and_end_time_are_both_kept_and_the_next_time_is_on_the_grid(arm: Arm) -> None:
    arm.stand_at(THEN)
    request = {"uri": "https://db-1/failed", "method": "GET"}
    action = {
        "type": "http",
        "request": {"uri": "http://db-0/tick", "method": "GET"},
        "retryPolicy": {"retryType": "Fixed", "retryInterval": "00:01:00", "retryCount": 2},
        "errorAction": {"type": "https", "request": request},
    }
    recurrence = {"frequency": "Week", "interval": 1, "count": 10000, "endTime": "2020-01-01T00:00:00Z"}
    stored = await created(arm, startTime="2015-07-13T00:00:00Z", action=action, recurrence=recurrence)
    assert stored["recurrence"] == {**recurrence, "frequency": "week"}
    assert stored["status"] == {**ZEROS, "nextExecutionTime": "2016-04-04T00:00:00Z"}
    assert stored["action"]["retryPolicy"] == {"retryType": "fixed", "retryInterval": "PT1M", "retryCount": 2}


async def test_patch_merges_deeply_and_computes_the_next_time_again(arm: Arm) -> None:
    arm.stand_at(THEN)
    recurrence = {"frequency": "Week", "count": 10000, "endTime": "2020-01-01T00:00:00Z"}
    before = await created(arm, startTime="2015-07-13T00:00:00Z", recurrence=recurrence)
    change = {"startTime": "2015-07-13T05:00:00Z", "recurrence": {"frequency": "Day", "interval": 1}}
    reply = await arm.call("PATCH", "/jc/jobs/j", {"properties": change})
    after = reply.document["properties"]
    assert (reply.status, after["action"]) == (200, before["action"])
    assert after["recurrence"] == {**before["recurrence"], "frequency": "day"}
    assert after["status"]["nextExecutionTime"] == "2016-03-31T05:00:00Z"


async def test_put_over_another_job_replaces_it_whole(arm: Arm) -> None:
    arm.stand_at(THEN)
    policy = {"retryType": "fixed", "retryInterval": "00:00:30", "retryCount": 1}
    request = {"uri": "http://db-0/a", "method": "POST"}
    key = {"type": "SharedAccessKey", "sasKeyName": "RootManageSharedAccessKey", "sasKey": "a-key"}
    message = {"namespace": "schedulersdktesting", "queueName": "q", "message": "m", "authentication": key}
    error = {"type": "http", "request": request}
    action = {"type": "serviceBusQueue", "serviceBusQueueMessage": message, "retryPolicy": policy, "errorAction": error}
    await created(arm, action=action, recurrence={"frequency": "Day"}, startTime="2016-04-01T00:00:00Z")
    reply = await arm.put_job("j", startTime="2015-07-13T00:00:00Z", state="Disabled")
    assert reply.status == 200
    assert reply.document["properties"] == {
        "startTime": "2015-07-13T00:00:00Z",
        "action": {"type": "http", "request": {"uri": "http://db-0/tick", "method": "GET"}},
        "state": "disabled",
    }


async def test_a_one_time_job_of_the_past_is_due_now(arm: Arm) -> None:
    arm.stand_at(THEN)
    stored = await created(arm, startTime="2015-07-13T00:00:00Z", state="Enabled")
    assert stored["status"] == {**ZEROS, "nextExecutionTime": "2016-03-30T19:36:00Z"}


async def test_a_recurrence_without_interval_has_one_in_the_reply(arm: Arm) -> None:
    stored = await created(arm, recurrence={"frequency": "Day"})
    assert stored["recurrence"] == {"frequency": "day", "interval": 1}


async def test_disable_enable_and_delete_answer_200_and_nothing(arm: Arm) -> None:
    await arm.put_job("j", startTime="2027-01-01T00:00:00Z")
    verbs = [("POST", "/jc/disable"), ("POST", "/jc/enable"), ("POST", "/jc/jobs/j/run")]
    for method, path in [*verbs, ("DELETE", "/jc/jobs/j"), ("DELETE", "/jc")]:
        reply = await arm.call(method, path)
        assert (reply.status, reply.document, reply.headers["Content-Length"]) == (200, None, "0")


async def test_no_retries_are_shown_as_none_alone_and_an_absent_policy_stays_absent(arm: Arm) -> None:
    action = {"type": "Http", "request": {"uri": "http://db-0/", "method": "GET"}}
    stored = await created(arm, action={**action, "retryPolicy": {"retryType": "None", "retryCount": 9}})
    assert stored["action"]["retryPolicy"] == {"retryType": "none"}
    assert "retryPolicy" not in (await arm.put_job("k")).document["properties"]["action"]


async def test_a_nth_weekday_has_a_capital_o(arm: Arm) -> None:
    schedule = {"monthlyOccurrences": [{"day": "Friday", "occurrence": -1}, {"day": "monday", "Occurrence": 1}]}
    stored = await created(arm, recurrence={"frequency": "Month", "schedule": schedule})
    shown = [{"day": "friday", "Occurrence": -1}, {"day": "monday", "Occurrence": 1}]
    assert stored["recurrence"]["schedule"] == {"monthlyOccurrences": shown}


async def test_a_missing_collection_is_not_found_in_the_gateways_words(arm: Arm) -> None:
    reply = await arm.call("GET", "/TestJobCollection")
    message = (
        "The Resource 'Microsoft.Scheduler/jobcollections/TestJobCollection' under resource group 'rg' was not found."
    )
    assert (reply.status, reply.document) == (404, {"error": {"code": "ResourceNotFound", "message": message}})
    assert reply.headers["x-ms-failure-cause"] == "gateway"


async def test_casing_is_as_it_was_recorded(arm: Arm) -> None:
    action = {
        "type": "HTTP",
        "request": {"uri": "http://db-0/", "method": "get"},
        "retryPolicy": {"retryType": "FIXED"},
        "errorAction": {"type": "https", "request": {"uri": "https://db-0/", "method": "GET"}},
    }
    schedule = {"weekDays": ["MONDAY", "Friday"]}
    stored = await created(arm, action=action, state="ENABLED", recurrence={"frequency": "WEEK", "schedule": schedule})
    assert (stored["action"]["type"], stored["action"]["errorAction"]["type"]) == ("HTTP", "https")
    assert (stored["state"], stored["action"]["retryPolicy"]["retryType"]) == ("enabled", "fixed")
    assert stored["recurrence"]["frequency"] == "week"
    assert stored["recurrence"]["schedule"] == {"weekDays": ["monday", "friday"]}


async def test_secrets_are_omitted_and_what_is_chosen_has_the_recorded_case(arm: Arm) -> None:
    key = {"type": "SharedAccessKey", "sasKeyName": "RootManageSharedAccessKey", "sasKey": "a-key"}
    message = {"namespace": "schedulersdktesting", "queueName": "q", "message": "m", "transportType": "NetMessaging"}
    action = {"type": "ServiceBusQueue", "serviceBusQueueMessage": {**message, "authentication": key}}
    stored = await created(arm, action=action, startTime="2027-01-01T00:00:00Z")
    shown = {"type": "sharedAccessKey", "sasKeyName": "RootManageSharedAccessKey"}
    sent = {**message, "transportType": "netMessaging", "authentication": shown}
    assert stored["action"] == {"type": "ServiceBusQueue", "serviceBusQueueMessage": sent}


async def test_an_oauth_client_is_shown_without_its_secret(arm: Arm) -> None:
    client = {"type": "ActiveDirectoryOAuth", "tenant": "microsoft.onmicrosoft.com", "audience": "a", "clientId": "c"}
    request = {"uri": "https://api.test/", "method": "GET", "authentication": {**client, "secret": "a-secret"}}
    stored = await created(arm, action={"type": "Https", "request": request}, startTime="2027-01-01T00:00:00Z")
    assert stored["action"]["request"]["authentication"] == client
