"""Running a job by hand, and reading what became of its occurrences."""

from tests.parts.api_work import claim_due, run_due, skip_due, turn
from tests.parts.fakes_api import Api, a_job, every

HELLO = "/collections/demo/jobs/hello"


async def test_run_asks_for_one_occurrence_now(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(startTime="2027-01-01T00:00:00Z"))
    answer = await api.call("POST", f"{HELLO}/run")
    _, claims = await claim_due(api)
    assert answer.status == 200
    assert [claim.occurrence.id for claim in claims] == [answer.document["occurrenceId"]]
    assert claims[0].occurrence.manual


async def test_a_repeated_request_id_runs_once(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(startTime="2027-01-01T00:00:00Z"))
    first = await api.call("POST", f"{HELLO}/run", x_ms_client_request_id="r-1")
    repeated = await api.call("POST", f"{HELLO}/run", x_ms_client_request_id="r-1")
    other = await api.call("POST", f"{HELLO}/run", x_ms_client_request_id="r-2")
    assert first.document == repeated.document != other.document
    _, claims = await claim_due(api)
    assert len(claims) == 2


async def test_run_works_on_a_disabled_job_and_moves_nothing(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(state="Disabled", recurrence=every(5, count=3)))
    before = (await api.call("GET", HELLO)).document
    assert (await api.call("POST", f"{HELLO}/run")).status == 200
    assert (await api.call("GET", HELLO)).document == before


async def test_an_endless_request_id_is_refused(api: Api) -> None:
    await api.call("PUT", HELLO, a_job())
    reply = await api.call("POST", f"{HELLO}/run", x_ms_client_request_id="x" * 129)
    assert (reply.status, reply.document["field"]) == (400, "x-ms-client-request-id")


async def test_a_history_row_tells_the_whole_story(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(5)))
    await run_due(api, message="all good")
    (row,) = (await api.call("GET", f"{HELLO}/history")).document["value"]
    assert row.pop("occurrenceId")
    assert row == {
        "scheduledTime": "2026-03-02T12:00:00Z",
        "startTime": "2026-03-02T12:00:00Z",
        "endTime": "2026-03-02T12:00:00Z",
        "actionName": "MainAction",
        "status": "Completed",
        "attempt": 1,
        "host": None,
        "reason": "",
        "message": "all good",
        "retryCount": 0,
        "repeatCount": 1,
    }


async def test_history_is_newest_first_filtered_and_paged(api: Api) -> None:
    await api.call("PUT", HELLO, a_job(recurrence=every(5)))
    for ran in (True, False, True):
        await (run_due(api) if ran else skip_due(api, "overlap"))
        turn(api, minutes=5)
    rows = (await api.call("GET", f"{HELLO}/history")).document["value"]
    assert [row["repeatCount"] for row in rows] == [3, 2, 1]
    skipped = (await api.call("GET", f"{HELLO}/history?$filter=status eq skipped")).document["value"]
    assert [(row["status"], row["reason"]) for row in skipped] == [("Skipped", "overlap")]
    page = await api.call("GET", f"{HELLO}/history?$top=2")
    rest = await api.call("GET", page.document["nextLink"])
    assert [row["repeatCount"] for row in rest.document["value"]] == [1]
