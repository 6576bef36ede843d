"""The list of hosts, and the page of one."""

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.portal.paging import ROWS
from services.scheduler.portal.ports import Working
from shared.topics import HostKey
from tests.parts.api_work import claim_due
from tests.parts.fakes_api import Api, running_api
from tests.parts.fleet_scene import HOSTS, set_scene
from tests.parts.tokens import ORDERS, by_file, three_callers

LIST = "/portal/hosts"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(*HOSTS) as api:
        yield api


async def page(api: Api, path: str, status: int = 200, session: ClientSession | None = None) -> str:
    async with (session or api.session).get(f"{api.url}{path}") as answer:
        assert answer.status == status
        return html.unescape(" ".join((await answer.text()).split()))


def hosts_in(text: str) -> list[str]:
    return re.findall(r'<tr id="host-([^"]+)"', text)


async def test_the_worst_come_first_and_then_those_without_a_watcher(api: Api) -> None:
    text = await page(api, LIST)
    assert hosts_in(text) == ["db-2", "db-0", "spot-7", "web-0", "db-1"]
    assert "The watchers of <a" in text
    assert "2 hosts</a> are not heard" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=db+10.0.0.4", ["db-0"]),
        ("q=WEB", ["web-0"]),
        ("condition=available", ["web-0", "db-1"]),
        ("condition=available&watcher=online", ["db-1"]),
        ("pool=batch", ["spot-7"]),
        ("pool=nothing", []),
    ],
)
async def test_hosts_are_found_by_what_they_are(api: Api, query: str, found: list[str]) -> None:
    text = await page(api, f"{LIST}?{query}")
    assert hosts_in(text) == found
    assert ("No host fits." in text) is (not found)
    assert "take this filter off" in text


@pytest.mark.parametrize("query", ["condition=fine", "watcher=sleepy", "page=0", f"q={'x' * 301}"])
async def test_what_a_list_cannot_be_asked_for_is_said(api: Api, query: str) -> None:
    assert query.partition("=")[0] in await page(api, f"{LIST}?{query}", 400)


async def test_hundreds_of_hosts_come_in_pages() -> None:
    many = [HostReport(host=f"vm-{n:03}", condition=HostCondition.AVAILABLE, watcher="online") for n in range(300)]
    async with running_api(*many) as api:
        assert hosts_in(await page(api, LIST)) == [f"vm-{n:03}" for n in range(ROWS)]
        text = await page(api, f"{LIST}?page=6")
        assert hosts_in(text)[-1] == "vm-299"
        assert 'href="?page=5"' in text


async def test_without_any_host_the_page_says_what_to_do() -> None:
    async with running_api() as api:
        assert "Start <code>leeward-vmwatch</code>" in await page(api, LIST)


async def test_a_host_tells_who_it_is_how_it_stands_and_what_is_there(api: Api) -> None:
    await set_scene(api)
    text = await page(api, f"{LIST}/db-0")
    for words in (
        "is announced",
        "<strong>backup</strong> has asked that no event here is approved until",
        "8 at a time, by its tag",
        "answers, events come since",
        "Standard_D4s_v5",
        "team=data",
        "fault domain".capitalize(),
        "portal/rehearse?host=db-0",
        "portal/jobs/default/nightly/backup",
        "Reboot of db-0 is announced",
        "portal/events?host=db-0",
        "portal/jobs?pool=db",
    ):
        assert words in text, words


async def test_what_runs_there_is_named(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    await api.call(
        "PUT", "/collections/demo/jobs/tick", {"action": {"request": {"uri": "http://db-1/", "method": "GET"}}}
    )
    _, [claim] = await claim_due(api)
    working = Working(occurrence=claim.occurrence, elapsed=timedelta(seconds=75))
    api.replica.work = {HostKey("db-1"): [working]}
    text = await page(api, f"{LIST}/db-1")
    assert "<td>for 1 min 15 s</td>" in text
    assert text.count("portal/jobs/default/demo/tick") == 2, "it runs there, and is its job"


async def test_a_lost_host_says_what_took_it_and_offers_no_cordon(api: Api) -> None:
    text = await page(api, f"{LIST}/spot-7")
    assert "Lost to a <a" in text
    assert "Cordon…" not in text


@pytest.mark.parametrize("place", ["hosts", "events", "jobs", "health/audit"])
async def test_what_goes_wrong_while_one_searches_stands_where_results_stood(api: Api, place: str) -> None:
    text = await page(api, f"/portal/{place}")
    assert 'hx-select="#found, #trouble" hx-target="#results"' in text
    assert '<div id="results"><div id="found">' in text, "what is replaced must be there to be replaced again"
    assert 'id="trouble"' in await page(api, f"/portal/{place}?page=0", 400)


async def test_a_host_that_nobody_knows_is_no_page(api: Api) -> None:
    assert "There is no such thing" in await page(api, f"{LIST}/gone", 404)


async def test_a_confined_caller_sees_hosts_and_nothing_of_others_jobs(tmp_path: Path) -> None:
    async with (
        running_api(*HOSTS, rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        await browser.post(f"{api.url}/sign-in", data={"token": ORDERS})
        listed = await page(api, LIST, session=browser)
        assert "Running" not in listed
        text = await page(api, f"{LIST}/db-0", session=browser)
        assert "Nothing of your jobs runs here" in text
        assert "nightly" not in text
        assert "Held for it" not in text
