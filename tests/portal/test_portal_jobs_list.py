"""The list of jobs: what it finds, what it says about it, and who sees what."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.portal.jobs.listing import FEW
from services.scheduler.portal.paging import ROWS
from services.scheduler.store.records import Outcome
from tests.parts.api_work import claim_due, run_due, turn
from tests.parts.fakes_api import Api, a_job, every, running_api
from tests.parts.tokens import OPERATOR, ORDERS, READER, bearer, by_file, three_callers

HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
LIST = "/portal/jobs"
NAMES = re.compile(r'<th scope="row"><a class="name" href="[^"]*/portal/jobs/\w+/(\w+)/(\w+)"')


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """Three jobs: ops/backup (in pool db, tagged, twice due), ops/report (disabled), sales/report."""
    async with running_api(HOST) as api:
        for collection in ("ops", "sales"):
            await api.call("PUT", f"/collections/{collection}", {})
        backup = a_job(recurrence=every(5), placement={"pool": "db"}, tags={"team": "db", "env": "a=b"})
        await api.call("PUT", "/collections/ops/jobs/backup", backup)
        await api.call("PUT", "/collections/ops/jobs/report", a_job(recurrence=every(5), state="disabled"))
        await api.call("PUT", "/collections/sales/jobs/report", a_job(recurrence=every(60), tags={"team": "db"}))
        yield api


async def page(api: Api, path: str = LIST, status: int = 200) -> str:
    async with api.session.get(f"{api.url}{path}") as answer:
        assert (answer.status, answer.content_type) == (status, "text/html")
        return html.unescape(" ".join((await answer.text()).split()))


def names(text: str) -> list[str]:
    """Return the jobs of a page in order."""
    return ["/".join(found) for found in NAMES.findall(text)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ops/backup", "ops/report", "sales/report"]),
        ("?q=REP+sal", ["sales/report"]),
        ("?state=disabled", ["ops/report"]),
        ("?pool=db", ["ops/backup"]),
        ("?tag=team%3Ddb", ["ops/backup", "sales/report"]),
        ("?tag=team%3Ddb&tag=env%3Da%3Db", ["ops/backup"]),
        ("?collection=sales", ["sales/report"]),
        ("?collection=default/ops&q=rep", ["ops/report"]),
        ("?collection=elsewhere/ops", []),
        ("?ran=never&sort=-name", ["sales/report", "ops/report", "ops/backup"]),
        ("?ran=failed", []),
        ("?q=&state=&ran=&pool=&collection=", ["ops/backup", "ops/report", "sales/report"]),
    ],
)
async def test_jobs_are_found_by_what_the_address_asks(api: Api, query: str, found: list[str]) -> None:
    assert names(await page(api, LIST + query)) == found


@pytest.mark.parametrize(
    "query", ["state=asleep", "ran=often", "sort=size", "tag=team", "page=0", f"q={'+a' * 11}", f"pool={'a' * 301}"]
)
async def test_what_cannot_be_asked_for_is_said_with_what_can(api: Api, query: str) -> None:
    text = await page(api, f"{LIST}?{query}", 400)
    assert 'id="trouble"' in text
    assert 'aria-current="page">Jobs</a>' in text


async def test_filters_in_effect_come_off_one_by_one(api: Api) -> None:
    text = await page(api, f"{LIST}?q=back&state=enabled&tag=team%3Ddb&tag=env%3Da%3Db&page=1&notice=run")
    without = re.findall(r'<li><a href="[./]*portal/jobs([^"]*)">(.*?) <span', text)
    assert without == [
        ("?state=enabled&tag=team%3Ddb&tag=env%3Da%3Db", "“back”"),
        ("?q=back&tag=team%3Ddb&tag=env%3Da%3Db", "enabled"),
        ("?q=back&state=enabled&tag=env%3Da%3Db", "tag team=db"),
        ("?q=back&state=enabled&tag=team%3Ddb", "tag env=a=b"),
    ]


async def test_heads_sort_and_say_by_what_it_is_sorted(api: Api) -> None:
    text = await page(api, f"{LIST}?q=o&sort=next")
    assert re.search(r'aria-sort="ascending"> ?<a href="[^"]*\?q=o&sort=-next">Next run', text)
    assert re.search(r'<a href="[^"]*\?q=o&sort=-last">Last run', text)
    assert re.search(r'<a href="[^"]*\?q=o">Job', text)
    assert text.count("aria-sort") == 1


async def test_a_row_tells_how_it_ran_last_when_next_and_what_it_waits_for(api: Api) -> None:
    turn(api, minutes=5)
    await run_due(api)
    turn(api, minutes=5)
    owner, [claim] = await claim_due(api)
    held = Outcome(
        occurrence_id=claim.occurrence.id, job_id=claim.job.id, held_for="db-0", reason="db-0: Reboot due soon"
    )
    await api.services.store.settle(owner, [held])
    text = await page(api, f"{LIST}?ran=held")
    assert names(text) == ["ops/backup"]
    for words in (">succeeded</span>", ">held</span>", "for db-0: Reboot due soon", "2026-03-02 12:15:00 UTC"):
        assert words in text


async def test_what_has_no_job_says_what_to_do(api: Api) -> None:
    assert "Take a filter off" in await page(api, f"{LIST}?q=nothing")
    async with running_api() as empty:
        assert "Make the first one" in await page(empty)


async def test_long_lists_come_in_pages_that_keep_what_was_asked_for(api: Api) -> None:
    jobs = [a_job(name=f"many-{number:03}", recurrence=every(5)) for number in range(ROWS + 1)]
    await api.call("POST", "/collections/ops/jobs:batch", {"value": jobs})
    text = await page(api, f"{LIST}?q=many&tag=")
    assert f"1–{ROWS} of {ROWS + 1} jobs" in text
    assert 'rel="next" href="?q=many&page=2"' in text
    assert f"{ROWS + 1}–{ROWS + 1} of {ROWS + 1}" in await page(api, f"{LIST}?q=many&page=2")


async def test_collections_and_pools_are_offered_as_long_as_they_are_few(api: Api) -> None:
    text = await page(api)
    assert '<option value="sales">sales</option>' in text
    assert '<option value="db">db</option>' in text
    for number in range(FEW):
        await api.call("PUT", f"/collections/more-{number}", {})
    assert '<input id="collection" name="collection"' in await page(api)


async def test_jobs_behind_a_closed_gate_look_disabled_and_say_why(api: Api) -> None:
    await api.call("POST", "/collections/sales/disable", {})
    text = await page(api, f"{LIST}?state=disabled&collection=sales")
    assert names(text) == ["sales/report"]
    assert "its collection is closed" in text


@pytest.mark.parametrize(("token", "found"), [(READER, 2), (ORDERS, 1)])
async def test_each_caller_sees_its_own_and_only_who_may_change_has_forms(
    tmp_path: Path, token: str, found: int
) -> None:
    async with (
        running_api(HOST, rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        for collection in ("orders", "sales"):
            await api.call("PUT", f"/collections/{collection}", {}, **bearer(OPERATOR))
            await api.call("PUT", f"/collections/{collection}/jobs/daily", a_job(), **bearer(OPERATOR))
        await browser.post(f"{api.url}/sign-in", data={"token": token})
        async with browser.get(f"{api.url}{LIST}") as answer:
            text = " ".join((await answer.text()).split())
        assert len(names(text)) == found
        assert ("sales" in text) is (token == READER)
        assert ("/run" in text) is (token == ORDERS)
