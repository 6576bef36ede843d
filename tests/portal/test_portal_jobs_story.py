"""What one job's page tells: what it is, what comes, what waits, and what became of it, each thing once."""

import html
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import msgspec
import pytest

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import AttemptResult, HistoryRow, HistoryStatus, Next, history_row, unrun_row
from services.scheduler.portal.paging import ROWS
from services.scheduler.store.records import Claim, Outcome, Ownership
from tests.parts.api_work import claim_due, turn
from tests.parts.fakes_api import NOON, Api, a_job, every, running_api

PAGE = "/portal/jobs/default/ops/nightly"
EVENT = DecisionRecord(verdict=Verdict.HELD, cause=Cause.EVENT, event_id="E 1", event_type="Reboot")


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        await api.call("PUT", "/collections/ops", {})
        job = a_job(recurrence=every(5, timeZone="Asia/Kolkata"), tags={"team": "db & co"}, placement={"pool": "db"})
        await api.call("PUT", "/collections/ops/jobs/nightly", {**job, "startTime": "2026-03-02T12:05:00Z"})
        turn(api, minutes=5)
        yield api


async def page(api: Api, path: str = PAGE, status: int = 200) -> str:
    async with api.session.get(f"{api.url}{path}") as answer:
        assert (answer.status, answer.content_type) == (status, "text/html")
        return html.unescape(" ".join((await answer.text()).split()))


def attempt(claim: Claim, message: str, *, succeeded: bool = True, took: int = 250) -> HistoryRow:
    """Return the row of an attempt on db-0 that took so many milliseconds."""
    begun = NOON + timedelta(minutes=5)
    result = AttemptResult(
        succeeded=succeeded,
        retryable=True,
        message=message,
        started_at=begun,
        ended_at=begun + timedelta(milliseconds=took),
        host="db-0",
        decision=DecisionRecord(verdict=Verdict.RAN, cause=Cause.HOME),
    )
    return history_row(claim.occurrence, result)


async def settle(api: Api, claim: Claim, owner: Ownership, rows: Sequence[HistoryRow], **changes: object) -> None:
    outcome = Outcome(occurrence_id=claim.occurrence.id, job_id=claim.job.id, rows=tuple(rows))
    await api.services.store.settle(owner, [msgspec.structs.replace(outcome, **changes)])


async def test_an_occurrence_stands_once_with_all_that_became_of_it(api: Api) -> None:
    owner, [claim] = await claim_due(api)
    held = unrun_row(claim.occurrence, HistoryStatus.POSTPONED, "db-0: Reboot due soon", NOON, EVENT)
    rows = [held, attempt(claim, "503 <busy>", succeeded=False), attempt(claim, "200 fine")]
    await settle(api, claim, owner, rows)
    text = await page(api)
    assert text.count('scope="rowgroup" rowspan="3"') == 1
    assert text.index("200 fine") < text.index("503 <busy>") < text.index("It was held for")
    assert text.count("Reboot due soon") == 1
    assert 'href="../../../../portal/events/E%201"' in text
    assert 'href="../../../../portal/hosts/db-0"' in text


async def test_history_is_narrowed_by_status_and_comes_in_pages(api: Api) -> None:
    owner, [claim] = await claim_due(api)
    rows = [attempt(claim, f"try {number}", succeeded=number > 0) for number in range(ROWS + 1)]
    await settle(api, claim, owner, rows)
    text = await page(api)
    assert f"1–{ROWS} of {ROWS + 1} rows" in text
    assert f'href="../../../..{PAGE}?page=2#history"' in text, "the same way also where a form was refused"
    assert "try 0" in await page(api, f"{PAGE}?page=2")
    failed = await page(api, f"{PAGE}?status=Failed")
    assert "1–1 of 1 rows" in failed
    assert "No row is like that" in await page(api, f"{PAGE}?status=Missed")
    assert "is none of Completed" in await page(api, f"{PAGE}?status=asleep", 400)


async def test_durations_are_drawn_and_said(api: Api) -> None:
    owner, [claim] = await claim_due(api)
    rows = [attempt(claim, "ok", took=100), attempt(claim, "no", succeeded=False, took=300), attempt(claim, "ok")]
    await settle(api, claim, owner, rows)
    text = await page(api)
    assert "Of the last 3 attempts 1 failed. Half took up to 250 ms, 99 in 100 up to 300 ms." in text
    assert text.count("<rect") == 3
    assert text.count('class="bad"') == text.count("<path") == 1


async def test_what_waits_now_is_said_with_the_reason(api: Api) -> None:
    owner, [claim] = await claim_due(api)
    await settle(api, claim, owner, [], held_for="db-0", reason="db-0: Reboot due soon")
    text = await page(api)
    assert "Held now" in text
    assert "held for db-0: Reboot due soon" in text


async def test_what_is_to_be_tried_again_is_not_held(api: Api) -> None:
    owner, [claim] = await claim_due(api)
    again = Next(action=claim.occurrence.action, fire_at=NOON + timedelta(minutes=6), retries=1)
    await settle(api, claim, owner, [attempt(claim, "no", succeeded=False)], following=again)
    assert "Held now" not in await page(api)


async def test_what_comes_is_told_in_the_jobs_zone_and_the_viewers(api: Api) -> None:
    text = await page(api)
    assert 'scope="col">Asia/Kolkata' in text
    assert text.count("Mon 2026-03-02 17:") == 4
    assert 'Mon 2026-03-02 17:40:00</td><td><time datetime="2026-03-02T12:10:00+00:00"' in text
    await api.call("POST", "/collections/ops/jobs/nightly/disable", {})
    assert "Nothing, while it is disabled." in await page(api)


async def test_it_is_told_in_words_as_json_and_as_commands(api: Api) -> None:
    signed = {"uri": "https://{host}/x", "method": "POST", "authentication": PASSWORD}
    await api.call("PATCH", "/collections/ops/jobs/nightly", {"action": {"request": signed, "errorAction": ERROR}})
    text = await page(api)
    for words in ("user name and password", "4 times, 30 s apart", "topic plant/alarm", "pool db"):
        assert words in text
    assert '"pool": "db"' in text
    assert "leeward job decisions ops/nightly" in text
    assert "secret-word" not in text
    assert 'portal/jobs?tag=team%3Ddb%20%26%20co"' in text


PASSWORD = {"type": "Basic", "username": "ann", "password": "secret-word"}
ERROR = {"type": "Mqtt", "mqttMessage": {"topic": "plant/alarm", "payload": "{}"}}


async def test_a_job_of_another_group_has_no_commands_that_would_not_find_it(api: Api) -> None:
    arm = f"{api.url}/subscriptions/{api.services.subscription}/resourceGroups/there/providers/Microsoft.Scheduler"
    version = "?api-version=2016-03-01"
    await api.call("PUT", f"{arm}/jobCollections/far{version}", {"location": "west"})
    await api.call("PUT", f"{arm}/jobCollections/far/jobs/one{version}", {"properties": a_job()})
    assert "leeward job" not in await page(api, "/portal/jobs/there/far/one")
    assert 'portal/jobs/there/far/one"' in await page(api, "/portal/jobs?collection=there/far")
