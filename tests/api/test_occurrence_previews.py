"""When a job will be due: stored ones, disabled ones, and documents that are only posted."""

from datetime import datetime, timedelta

from tests.parts.api_work import claim_due, run_due, turn
from tests.parts.fakes_api import Api, a_job, every

HELLO = "/collections/demo/jobs/hello"


def times(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return [one["at"][11:16] for one in document["value"]]


async def test_ten_are_shown_unless_asked_otherwise(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(5)))
    assert len((await api.call("GET", f"{HELLO}/occurrences")).document["value"]) == 10
    shown = await api.call("GET", f"{HELLO}/occurrences?count=2")
    assert times(shown.document) == ["12:05", "12:10"]


async def test_count_outside_its_limits_is_refused(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    for count in ("0", "1001", "x"):
        reply = await api.call("GET", f"{HELLO}/occurrences?count={count}")
        assert (reply.status, reply.document["field"]) == (400, "count")


async def test_the_count_of_the_recurrence_ends_the_preview(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(startTime="2026-03-02T12:01:00Z", recurrence=every(5, count=3)))
    turn(api, minutes=1)
    await run_due(api)
    shown = await api.call("GET", f"{HELLO}/occurrences")
    assert times(shown.document) == ["12:06", "12:11"]


async def test_what_is_claimed_ahead_is_still_to_come(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(startTime="2026-03-02T12:00:09Z", recurrence=every(5, count=2)))
    await claim_due(api)
    shown = await api.call("GET", f"{HELLO}/occurrences")
    assert [one["at"] for one in shown.document["value"]] == ["2026-03-02T12:00:09Z", "2026-03-02T12:05:09Z"]


async def test_a_disabled_job_is_shown_as_if_it_were_enabled_now(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(state="Disabled", recurrence=every(30)))
    turn(api, minutes=7)
    assert times((await api.call("GET", f"{HELLO}/occurrences?count=2")).document) == ["12:07", "12:37"]


async def test_a_posted_document_is_shown_and_not_stored(api: Api) -> None:
    recurrence = {"frequency": "Day", "timeZone": "Europe/Berlin", "schedule": {"hours": [5], "minutes": [30]}}
    before = await api.stored()
    body = a_job(startTime="2026-03-28T00:00:00", recurrence=recurrence)
    shown = await api.call("POST", f"{HELLO}/occurrences?count=2", body)
    assert shown.document["value"] == [
        {"at": "2026-03-28T04:30:00Z", "local": "2026-03-28T05:30:00+01:00"},
        {"at": "2026-03-29T03:30:00Z", "local": "2026-03-29T05:30:00+02:00"},
    ]
    assert await api.stored() == before


async def test_a_one_time_job_has_one_occurrence_and_a_finished_one_none(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    assert times((await api.call("GET", f"{HELLO}/occurrences")).document) == ["12:00"]
    await run_due(api)
    assert times((await api.call("GET", f"{HELLO}/occurrences")).document) == []


async def test_a_bad_posted_document_is_refused_by_field(api: Api) -> None:
    reply = await api.call("POST", f"{HELLO}/occurrences", {"recurrence": {"frequency": "Dayly"}})
    assert (reply.status, reply.document["field"]) == (400, "recurrence.frequency")


async def test_a_flexible_window_shows_when_each_occurrence_starts(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(30), flexibleWindow="PT10M"))
    shown = (await api.call("GET", f"{HELLO}/occurrences?count=20")).document["value"]
    waits = [datetime.fromisoformat(one["fireAt"]) - datetime.fromisoformat(one["at"]) for one in shown]
    assert all(timedelta(0) <= wait < timedelta(minutes=10) for wait in waits)
    assert len(set(waits)) == 20
    assert (await api.call("GET", f"{HELLO}/occurrences?count=20")).document["value"] == shown


async def test_a_posted_document_has_due_times_only_for_starts_depend_on_the_job(api: Api) -> None:
    shown = await api.call("POST", f"{HELLO}/occurrences", a_job(recurrence=every(30), flexibleWindow="PT10M"))
    assert not any("fireAt" in one for one in shown.document["value"])
