"""PUT, PATCH, GET, list and DELETE of jobs, and what a write does to timing and counters."""

from typing import Any

import pytest

from tests.parts.api_work import claim_due, run_due, turn
from tests.parts.fakes_api import Api, FakeEngine, a_job, every

HELLO = "/collections/demo/jobs/hello"


async def test_a_job_is_created_then_replaced(api: Api) -> None:
    created = await api.call("PUT", HELLO, a_job(recurrence=every(5), tags={"team": "db"}))
    replaced = await api.call("PUT", HELLO, a_job())
    assert (created.status, replaced.status) == (201, 200)
    assert created.document["recurrence"] == {"frequency": "minute", "interval": 5}
    assert "recurrence" not in replaced.document
    assert "tags" not in replaced.document


async def test_a_document_is_what_arm_calls_properties_with_name_and_collection(api: Api) -> None:
    created = await api.call("PUT", HELLO, a_job(startTime="2026-03-02T13:00:00Z"))
    assert created.document == {
        "name": "hello",
        "collection": "demo",
        "state": "enabled",
        "action": {"type": "Http", "request": {"uri": "http://db-0:8080/tick", "method": "POST"}},
        "startTime": "2026-03-02T13:00:00Z",
        "overlap": "Skip",
        "catchUp": "RunOnce",
        "catchUpWindow": "PT1H",
        "timeout": "PT1M",
        "status": {
            "executionCount": 0,
            "failureCount": 0,
            "faultedCount": 0,
            "nextExecutionTime": "2026-03-02T13:00:00Z",
        },
        "createdAt": "2026-03-02T12:00:00Z",
        "updatedAt": "2026-03-02T12:00:00Z",
    }
    shown = (await api.call("GET", HELLO)).document
    assert shown.pop("resolved")["maintenance"]["strategy"] == "Hold"
    assert shown == created.document


async def test_what_get_answers_may_be_put_back_unchanged(api: Api) -> None:
    await api.call("PUT", HELLO, everything())
    shown = (await api.call("GET", HELLO)).document
    again = await api.call("PUT", HELLO, shown)
    assert again.status == 200
    assert shown == {**again.document, "updatedAt": shown["updatedAt"], "resolved": shown["resolved"]}


async def test_every_choice_of_a_job_comes_back(api: Api) -> None:
    await api.call("PUT", HELLO, everything())
    shown = (await api.call("GET", HELLO)).document
    for name in ("placement", "maintenance", "overlap", "catchUp", "catchUpWindow", "timeout", "tags"):
        assert shown[name] == everything()[name]
    assert shown["action"]["retryPolicy"] == {"retryType": "fixed", "retryInterval": "PT1M30S", "retryCount": 2}
    assert shown["action"]["errorAction"]["retryPolicy"] == {"retryType": "none"}
    schedule = {"hours": [5], "monthlyOccurrences": [{"day": "friday", "Occurrence": -1}, {"day": "monday"}]}
    assert shown["recurrence"]["schedule"] == schedule


async def test_a_disabled_job_has_no_status(api: Api) -> None:
    created = await api.call("PUT", HELLO, a_job(state="Disabled"))
    assert created.document["state"] == "disabled"
    assert "status" not in created.document


async def test_a_patch_merges_deeply_and_null_removes(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(5, count=9, endTime="2027-01-01T00:00:00Z"), tags={"a": "1"}))
    patch = {"recurrence": {"interval": 7, "endTime": None}, "tags": {"a": None, "b": "2"}}
    changed = await api.call("PATCH", HELLO, patch)
    assert changed.status == 200
    assert changed.document["recurrence"] == {"frequency": "minute", "interval": 7, "count": 9}
    assert changed.document["tags"] == {"b": "2"}
    assert changed.document["action"]["request"]["method"] == "POST"


async def test_a_patch_meets_event_types_in_any_case(api: Api) -> None:
    rules = {"byType": {"freeze": {"strategy": "Ignore"}, "REBOOT": {"strategy": "Hold"}}}
    await api.call("PUT", HELLO, a_job(maintenance=rules))
    changed = await api.call(
        "PATCH", HELLO, {"maintenance": {"byType": {"FREEZE": None, "reboot": {"inFlight": "Cancel"}}}}
    )
    assert changed.document["maintenance"] == {"byType": {"Reboot": {"strategy": "Hold", "inFlight": "Cancel"}}}


async def test_jobs_are_listed_by_name_in_pages(api: Api) -> None:
    for name in ("c", "A", "b"):
        await api.call("PUT", f"/collections/demo/jobs/{name}", a_job())
    first = await api.call("GET", "/collections/demo/jobs?$top=2")
    second = await api.call("GET", first.document["nextLink"])
    assert [job["name"] for job in first.document["value"]] == ["A", "b"]
    assert [job["name"] for job in second.document["value"]] == ["c"]
    assert second.document["nextLink"] is None


async def test_the_list_can_be_filtered_by_state(api: Api) -> None:
    await api.call("PUT", "/collections/demo/jobs/on", a_job())
    await api.call("PUT", "/collections/demo/jobs/off", a_job(state="disabled"))
    for text in ("state eq Disabled", "State EQ 'disabled'"):
        found = await api.call("GET", f"/collections/demo/jobs?$filter={text}")
        assert [job["name"] for job in found.document["value"]] == ["off"]


async def test_names_are_found_in_any_case_and_keep_theirs(api: Api) -> None:
    await api.call("PUT", "/collections/Demo/jobs/Hello", a_job())
    assert (await api.call("GET", HELLO)).document["name"] == "Hello"


async def test_a_deleted_job_is_gone_and_deleting_it_again_is_404(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    assert (await api.call("DELETE", HELLO)).status == 200
    assert (await api.call("GET", HELLO)).status == 404
    assert (await api.call("DELETE", HELLO)).status == 404


async def test_a_write_wakes_the_engine_and_drops_what_it_had_claimed(api: Api) -> None:
    engine = api.services.engine
    assert isinstance(engine, FakeEngine)
    wakes = engine.wakes
    await api.call("PUT", HELLO, a_job())
    assert engine.forgotten == []
    await api.call("PATCH", HELLO, {"timeout": "PT5S"})
    await api.call("DELETE", HELLO)
    assert len(engine.forgotten) == 2
    assert engine.wakes >= wakes + 2


async def test_a_past_start_runs_a_one_time_job_at_once(api: Api) -> None:
    created = await api.call("PUT", HELLO, a_job(startTime="2020-01-01T00:00:00Z"))
    assert created.document["status"]["nextExecutionTime"] == "2026-03-02T12:00:00Z"


async def test_a_past_start_puts_a_recurring_job_on_its_grid(api: Api) -> None:
    document = a_job(startTime="2026-03-01T00:02:00Z", recurrence=every(10))
    created = await api.call("PUT", HELLO, document)
    assert created.document["status"]["nextExecutionTime"] == "2026-03-02T12:02:00Z"


async def test_a_wall_time_is_placed_in_the_zone_of_the_recurrence(api: Api) -> None:
    recurrence = {"frequency": "Day", "timeZone": "America/New_York"}
    created = await api.call("PUT", HELLO, a_job(startTime="2026-07-01T09:30:00", recurrence=recurrence))
    assert created.document["startTime"] == "2026-07-01T13:30:00Z"


async def test_a_job_whose_end_is_past_is_completed_at_once(api: Api) -> None:
    recurrence = every(5, endTime="2026-03-01T00:00:00Z")
    created = await api.call("PUT", HELLO, a_job(startTime="2026-02-01T00:00:00Z", recurrence=recurrence))
    assert (created.status, created.document["state"]) == (201, "completed")


async def test_a_patch_that_leaves_the_timing_keeps_grid_and_counters(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(10)))
    await run_due(api)
    turn(api, minutes=3)
    changed = await api.call("PATCH", HELLO, {"timeout": "PT5S"})
    assert changed.document["status"]["nextExecutionTime"] == "2026-03-02T12:10:00Z"
    assert changed.document["status"]["executionCount"] == 1


async def test_what_was_claimed_ahead_is_due_again_after_a_patch(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(startTime="2026-03-02T12:00:05Z", recurrence=every(10, count=1)))
    _, [ahead] = await claim_due(api)
    engine = api.services.engine
    assert isinstance(engine, FakeEngine)
    engine.claimed = {ahead.job.id: frozenset([ahead.occurrence.id])}
    changed = await api.call("PATCH", HELLO, {"timeout": "PT5S"})
    assert changed.document["status"]["nextExecutionTime"] == "2026-03-02T12:00:05Z"


async def test_what_another_replica_has_claimed_ahead_is_not_planned_again_by_a_patch(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(startTime="2026-03-02T12:00:05Z", recurrence=every(10)))
    await claim_due(api)
    for patch in ({"timeout": "PT5S"}, {"recurrence": every(5)}):
        changed = await api.call("PATCH", HELLO, patch)
        assert changed.document["status"]["nextExecutionTime"] > "2026-03-02T12:00:05Z"


async def test_a_job_that_was_due_while_disabled_is_late_when_enabled(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(10)))
    await run_due(api)
    await api.call("POST", f"{HELLO}/disable")
    turn(api, minutes=25)
    enabled = await api.call("POST", f"{HELLO}/enable")
    assert enabled.document["status"]["nextExecutionTime"] == "2026-03-02T12:10:00Z"


async def test_a_job_created_disabled_begins_when_it_is_enabled(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(state="Disabled"))
    turn(api, minutes=300)
    enabled = await api.call("PATCH", HELLO, {"state": "Enabled"})
    assert enabled.document["status"]["nextExecutionTime"] == "2026-03-02T17:00:00Z"


async def test_a_put_starts_a_completed_job_anew(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    await run_due(api)
    shown = await api.call("GET", HELLO)
    assert shown.document["state"] == "completed"
    again = await api.call("PUT", HELLO, a_job())
    assert again.document["state"] == "enabled"
    assert again.document["status"]["executionCount"] == 0


async def test_a_patch_on_a_completed_job_is_refused_unless_it_enables(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    await run_due(api)
    refused = await api.call("PATCH", HELLO, {"timeout": "PT5S"})
    assert refused.status == 409
    assert "set state to Enabled" in refused.document["detail"]
    assert (await api.call("PATCH", HELLO, {"state": "enabled"})).document["state"] == "enabled"


@pytest.mark.parametrize("state", ["Completed", "faulted"])
async def test_a_terminal_state_in_a_body_is_refused_unless_it_is_the_present_one(api: Api, state: str) -> None:
    refused = await api.call("PUT", HELLO, a_job(state=state))
    assert (refused.status, refused.document["field"]) == (400, "state")
    await api.call("PUT", HELLO, a_job())
    await run_due(api)
    repeated = await api.call("PUT", HELLO, a_job(state="Completed"))
    assert (repeated.status, repeated.document["state"]) == (200, "completed")


async def test_behind_a_closed_collection_jobs_read_disabled_and_come_back(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(5)))
    await api.call("POST", "/collections/demo/disable")
    closed = await api.call("GET", HELLO)
    assert (closed.document["state"], "status" in closed.document) == ("disabled", False)
    await api.call("PATCH", HELLO, {"timeout": "PT5S"})
    await api.call("PATCH", "/collections/demo", {"state": "Enabled"})
    assert (await api.call("GET", HELLO)).document["state"] == "enabled"


def everything() -> dict[str, Any]:
    """Return a job that uses every field."""
    request = {"uri": "https://{host}/x", "method": "put", "headers": {"X-A": "{hostname}"}, "body": "{}"}
    return {
        "name": "ignored",
        "status": {"executionCount": 99},
        "state": "ENABLED",
        "startTime": "2026-04-01T05:00:00.250+02:00",
        "action": {
            "type": "https",
            "request": request,
            "retryPolicy": {"retryType": "Fixed", "retryInterval": "00:01:30", "retryCount": 2},
            "errorAction": {"request": request, "retryPolicy": {"retryType": "none"}},
        },
        "recurrence": {
            "frequency": "month",
            "endTime": "2030-01-01T00:00:00Z",
            "schedule": {
                "hours": 5,
                "monthlyOccurrences": [{"day": "Friday", "occurrence": -1}, {"day": "monday"}],
            },
        },
        "placement": {"pool": "db", "host": "db-0", "choice": "Sticky"},
        "maintenance": {
            "strategy": "Reroute",
            "leadTime": "PT10M",
            "inFlight": "Cancel",
            "atDeadline": "Move",
            "lastStanding": "RunOnLeastUrgent",
            "onRelease": "RunAll",
            "byType": {"Freeze": {"strategy": "Ignore"}, "meteorite": {"leadTime": "auto"}},
            "bySource": {"Platform": {"inFlight": "Wait"}, "neighbour": {"strategy": "Hold"}},
            "byDuration": [{"upTo": "PT10S", "strategy": "Ignore"}, {"upTo": "PT5S", "leadTime": "PT0S"}],
        },
        "overlap": "QueueOne",
        "catchUp": "RunAll",
        "catchUpWindow": "PT2H",
        "timeout": "PT5M",
        "tags": {"team": "db"},
    }


async def test_retries_that_grow_and_a_flexible_window_come_back_as_they_were_given(api: Api) -> None:
    policy = {"retryType": "exponential", "retryInterval": "PT2S", "retryCount": 9, "maxInterval": "PT10M"}
    action = {**a_job()["action"], "retryPolicy": policy, "errorAction": {**a_job()["action"], "retryPolicy": policy}}
    shown = (
        await api.call("PUT", HELLO, a_job(flexibleWindow="PT5M", recurrence=every(5)) | {"action": action})
    ).document
    assert shown["flexibleWindow"] == "PT5M"
    assert shown["action"]["retryPolicy"] == shown["action"]["errorAction"]["retryPolicy"] == policy
    assert (await api.call("PUT", HELLO, shown)).status == 200
    await api.call("PATCH", HELLO, {"action": {"retryPolicy": {"maxInterval": None}}, "flexibleWindow": None})
    changed = (await api.call("GET", HELLO)).document
    assert "maxInterval" not in changed["action"]["retryPolicy"]
    assert "flexibleWindow" not in changed


async def test_a_patch_that_speeds_a_job_up_is_refused_while_its_window_is_too_long(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(flexibleWindow="PT30M", recurrence=every(30)))
    refused = await api.call("PATCH", HELLO, {"recurrence": {"interval": 5}})
    assert (refused.status, refused.document["field"]) == (400, "flexibleWindow")
    both = {"recurrence": {"interval": 5}, "flexibleWindow": "PT5M"}
    assert (await api.call("PATCH", HELLO, both)).status == 200


async def test_a_one_time_job_may_have_a_window_of_a_day(api: Api) -> None:
    assert (await api.call("PUT", HELLO, a_job(flexibleWindow="P1D"))).status == 201


async def test_a_job_without_a_start_may_have_a_window_as_long_as_its_step(api: Api) -> None:
    daily = {"frequency": "Day", "schedule": {"hours": [5]}}
    assert (await api.call("PUT", HELLO, a_job(flexibleWindow="P1D", recurrence=daily))).status == 201


async def test_what_waits_in_its_window_gives_way_to_a_changed_schedule_only(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(startTime="2026-03-02T12:00:00Z", flexibleWindow="P1D"))
    await claim_due(api)
    for patch in ({"timeout": "PT5S"}, {"flexibleWindow": "PT1H"}, {"state": "Disabled"}, {"state": "Enabled"}):
        kept = (await api.call("PATCH", HELLO, patch)).document
        assert (await api.call("GET", f"{HELLO}/history")).document["value"] == []
    assert kept["state"] == "enabled"
    moved = (await api.call("PATCH", HELLO, {"startTime": "2026-03-02T13:00:00Z"})).document
    assert (moved["state"], moved["status"]["nextExecutionTime"]) == ("enabled", "2026-03-02T13:00:00Z")
    [row] = (await api.call("GET", f"{HELLO}/history")).document["value"]
    assert (row["status"], row["scheduledTime"]) == ("Skipped", "2026-03-02T12:00:00Z")
