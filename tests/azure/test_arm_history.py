"""History as ARM showed it: newest first, names and keys by the recorded grammar (reference azure-scheduler §1.9)."""

from datetime import UTC, datetime

from services.scheduler.api.arm.envelopes import history_key
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, OccurrenceId
from services.scheduler.domain.jobs import JobId
from tests.parts.api_work import run_due, skip_due, turn
from tests.parts.arm import COLLECTIONS, Arm
from tests.parts.fakes_api import every


def row_at(start: datetime, number: int) -> HistoryRow:
    return HistoryRow(
        id=number,
        job_id=JobId(1),
        occurrence_id=OccurrenceId("o"),
        scheduled_time=start,
        start_time=start,
        end_time=start,
        action_name=ActionName.MAIN,
        status=HistoryStatus.COMPLETED,
        attempt=1,
    )


def test_a_key_is_what_is_left_of_time_and_a_number_that_tells_nothing_of_other_jobs() -> None:
    """.NET's DateTime.MaxValue less 2016-03-30T19:36:00Z is 2519429342399999999 ticks."""
    left, number = history_key(row_at(datetime(2016, 3, 30, 19, 36, tzinfo=UTC), 7)).split(":")
    assert (left, number[:8], len(number)) == ("02519429342399999999", "09223372", 20)
    assert history_key(row_at(datetime(2016, 3, 30, 19, 36, tzinfo=UTC), 8)) == f"{left}:{number}"
    assert history_key(row_at(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 1)).startswith("0" * 19)


async def test_rows_come_newest_first_and_their_keys_sort_so(arm: Arm) -> None:
    await arm.put_job("j", recurrence=every(1))
    for _ in range(3):
        await run_due(arm.api)
        turn(arm.api, minutes=1)
    rows = (await arm.call("GET", "/jc/jobs/j/history")).document["value"]
    keys = [row["name"].split("/")[2] for row in rows]
    assert keys == sorted(keys)
    assert [row["properties"]["repeatCount"] for row in rows] == [3, 2, 1]
    assert rows[0]["id"] == f"{COLLECTIONS}/jc/jobs/j/history/{keys[0]}"


async def test_what_did_not_run_says_why_and_can_be_filtered(arm: Arm) -> None:
    await arm.put_job("j", recurrence=every(1))
    await skip_due(arm.api, "an earlier occurrence still runs")
    (row,) = (await arm.call("GET", "/jc/jobs/j/history?$filter=status%20eq%20Skipped")).document["value"]
    assert row["properties"]["message"] == "an earlier occurrence still runs"
    assert (await arm.call("GET", "/jc/jobs/j/history?$filter=status eq completed")).document["value"] == []


async def test_pages_of_history_link_to_each_other(arm: Arm) -> None:
    await arm.put_job("j", recurrence=every(1))
    for _ in range(3):
        await run_due(arm.api)
        turn(arm.api, minutes=1)
    first = await arm.call("GET", "/jc/jobs/j/history?$top=2&$filter=status eq Completed")
    second = await arm.call("GET", first.document["nextLink"], version=None)
    assert (len(first.document["value"]), len(second.document["value"])) == (2, 1)
    assert second.document["nextLink"] is None
