"""The page at `/`, over the API's own application."""

import re
from collections.abc import AsyncIterator

import msgspec
import pytest

from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.portal.overview.page import EVENTS_SHOWN, JOBS_AHEAD, JOBS_COUNTED
from services.scheduler.portal.overview.strip import ROOMY
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import EventRecord, HostDrain
from tests.parts.api_work import run_due, turn
from tests.parts.builders import ANNOUNCED
from tests.parts.fakes_api import NOON, Api, a_job, every, running_api
from tests.parts.stored import MINUTE, draft, put_collection
from tests.parts.stormy import stormy_api

HOSTS = (
    HostReport(host="db-0", condition=HostCondition.CORDONED, watcher="online", pools=("db",), events=("E1",), held=2),
    HostReport(host="db-1", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",)),
    HostReport(host="lonely", condition=HostCondition.AVAILABLE, watcher="offline"),
)


def event(**changes: object) -> EventRecord:
    return msgspec.structs.replace(ANNOUNCED, **changes)


def available(number: int, **more: object) -> HostReport:
    fields: dict[str, object] = {"condition": HostCondition.AVAILABLE, "watcher": "online", "pools": ("db",), **more}
    return HostReport(host=f"db-{number}", **fields)  # type: ignore[arg-type]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(*HOSTS) as api:
        yield api


async def page(api: Api, path: str = "/") -> str:
    async with api.session.get(f"{api.url}{path}") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        return " ".join((await answer.text()).split())


def headline(text: str) -> str:
    found = re.search(r'<h1 id="summary-title"> ?(.*?) ?</h1>', text)
    assert found is not None
    return found[1]


def counters(text: str) -> dict[str, tuple[str, str]]:
    """Return where each counter leads, and what it says."""
    pattern = r'<a href="([^"]*)"><span class="counted">(.*?)</span> <strong[^>]*>(.*?)</strong>'
    return {words: (place, figure) for place, words, figure in re.findall(pattern, text)}


async def test_an_empty_scheduler_says_what_to_do_first() -> None:
    async with running_api() as api:
        text = await page(api)
    assert headline(text) == "Waiting for the first host"
    assert "No watcher has reported yet. Start <code>leeward-vmwatch</code>" in text
    assert 'No jobs yet. <a href="portal/jobs/new">Make the first one</a>' in text


async def test_where_nothing_has_run_yet_it_says_when_something_will(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    job = a_job(recurrence=every(5), startTime="2026-03-02T12:01:00Z")
    await api.call("PUT", "/collections/demo/jobs/tick", job)
    text = await page(api)
    assert "Nothing has run yet. The next job is due" in text
    assert "2026-03-02 12:01:00 UTC" in text


@pytest.mark.parametrize(
    ("reports", "said"),
    [
        ([available(0)], "All calm"),
        ([available(0), available(1, condition=HostCondition.CORDONED)], "No events, 1 host out of service"),
        ([available(0, watcher="offline")], "No watcher is heard"),
    ],
)
async def test_the_headline_says_how_things_stand(reports: list[HostReport], said: str) -> None:
    async with running_api(*reports) as api:
        assert headline(await page(api)) == said


async def test_calm_is_not_said_of_hosts_that_nobody_watches(api: Api) -> None:
    assert "On 1 of 3 hosts nobody would hear of a new event" in await page(api)


async def test_every_counter_leads_to_what_it_counts() -> None:
    async with stormy_api() as api:
        assert counters(await page(api)) == {
            "Hosts available": ("portal/hosts", "2"),
            "Active events": ("portal/events", "2"),
            "Running": ("portal/hosts", "2"),
            "Jobs held": ("portal/jobs?ran=held", "0"),
            "Jobs enabled": ("portal/jobs?state=enabled", "5"),
            "Failed, last hour": ("portal/jobs?ran=failed", "5"),
            "Missed, last hour": ("portal/health", "4"),
        }


async def test_jobs_are_counted_only_so_far(api: Api) -> None:
    collection = await put_collection(api.services.store, "many")
    drafts = [draft(f"job-{number}") for number in range(JOBS_COUNTED + 1)]
    await api.services.store.put_jobs(collection.id, drafts, NOON)
    assert counters(await page(api))["Jobs enabled"][1] == f"{JOBS_COUNTED:,}+"


async def test_hosts_stand_by_pool_with_their_condition_in_words(api: Api) -> None:
    text = await page(api)
    assert text.index("Pool db") < text.index("db-0") < text.index("db-1") < text.index("In no pool")
    assert "1 of 2 available, 1 cordoned" in text
    assert 'href="portal/hosts/db-0" title="db-0: cordoned"' in text


async def test_a_large_fleet_is_shown_by_signs_that_a_legend_explains() -> None:
    async with running_api(*(available(number) for number in range(ROOMY + 1))) as api:
        text = await page(api)
    assert 'class="tile-name"' not in text
    assert '<span class="unseen">db-7: available</span>' in text
    assert 'aria-label="Signs of the hosts"' in text


async def test_an_active_event_leads_the_page_and_names_what_it_threatens(api: Api) -> None:
    drained = {"db-0": HostDrain(drain="draining", running=1, rerouted=4, held=2)}
    await api.services.store.put_event(event(hosts=drained))
    text = await page(api)
    assert headline(text) == "1 event in the fleet"
    assert '<a href="portal/hosts/db-0"><strong>db-0</strong></a> draining: 1 running, 4 rerouted, 2 held' in text
    assert '<a href="portal/events/E1">Reboot <span class="on">on</span> db-0</a>' in text


async def test_more_events_than_are_shown_are_counted_and_said(api: Api) -> None:
    for number in range(EVENTS_SHOWN + 2):
        await api.services.store.put_event(event(event_id=f"E{number}"))
    text = await page(api)
    assert text.count('<article class="event"') == EVENTS_SHOWN
    assert "2 further events are under" in text


async def test_the_latest_executions_lead_to_their_jobs(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    await api.call("PUT", "/collections/demo/jobs/tick", a_job(recurrence=every(5), startTime="2026-03-02T12:01:00Z"))
    turn(api, minutes=1)
    await run_due(api)
    text = await page(api)
    assert 'href="portal/jobs/default/demo/tick"' in text
    assert ">succeeded</span>" in text


async def test_the_weather_draws_events_what_ran_and_what_is_to_come() -> None:
    async with stormy_api() as api:
        text = await page(api)
    for sign in (
        "failed",
        "held",
        "left",
        "moved",
        "missed",
        "skipped",
        "waiting",
        "drained",
        "approved",
        "not-before",
    ):
        assert f'<use class="sign {sign}" href="#sign-{sign}"' in text, sign
        assert f'<g id="sign-{sign}">' in text
    assert '<a href="portal/events/E-DONE" tabindex="-1"><rect class="bar-interruption"' in text
    assert "Preempt, announced 11:40:00 UTC, cancelled 11:48:00 UTC" in text


@pytest.mark.parametrize(("zoom", "columns"), [("10m", 11), ("1h", 13), ("6h", 19)])
async def test_the_weather_zooms_by_link(api: Api, zoom: str, columns: int) -> None:
    text = await page(api, f"/?zoom={zoom}")
    assert text.count('data-show="clock"') == columns
    assert f'<a href="?zoom={zoom}#weather" aria-current="true">' in text


async def test_a_zoom_that_there_is_none_of_is_refused_with_those_there_are(api: Api) -> None:
    async with api.session.get(f"{api.url}/?zoom=3y") as answer:
        assert answer.status == 400
        assert "write one of 10m, 1h, 6h" in await answer.text()


async def test_what_is_not_drawn_for_its_number_is_said(api: Api) -> None:
    collection = await put_collection(api.services.store, "many")
    drafts = [draft(f"job-{n}", next_due=NOON + MINUTE) for n in range(JOBS_AHEAD + 1)]
    await api.services.store.put_jobs(collection.id, drafts, NOON)
    assert f"Only the next {JOBS_AHEAD} jobs are drawn, up to those due at 12:01:00 UTC." in await page(api)


async def test_no_style_and_no_script_stands_in_the_page() -> None:
    async with stormy_api() as api:
        text = await page(api)
    assert "style=" not in text
    assert "<style" not in text
    assert re.findall(r"<script(?![^>]*src=)", text) == []


async def test_what_comes_from_outside_is_escaped() -> None:
    outside = HostReport(host="<b>", condition=HostCondition.AVAILABLE, watcher="online", pools=("<i>",))
    async with running_api(outside) as api:
        await api.services.store.put_event(event(description="<script>alert(1)</script>", type='"><u>'))
        text = await page(api)
    assert not re.search(r"<script>|<b>|<i>|<u>", text)
    assert "&lt;script&gt;" in text


async def test_the_page_may_load_nothing_from_elsewhere(api: Api) -> None:
    async with api.session.get(api.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "://" not in text.replace("http://{host}", "")
    for file in ("portal.css", "weather.css", "portal.js", "leeward.svg"):
        assert f"portal/static/{file}" in text
        async with api.session.get(f"{api.url}/portal/static/{file}") as static:
            assert static.status == 200
            assert static.headers["Cache-Control"] == "no-cache"


class AwayStore(MemoryStore):
    """A store whose database cannot be reached."""

    async def list_events(self, *, active: bool, limit: int) -> list[EventRecord]:
        raise StoreUnavailableError("the database is away")


async def test_while_the_store_is_away_the_page_says_so() -> None:
    async with (
        running_api(store=AwayStore(lambda: "id")) as api,
        api.session.get(api.url) as answer,
    ):
        text = await answer.text()
        assert answer.status == 503
        assert "The store cannot be reached" in text
        assert 'hx-get="./"' in text, "it comes by itself when the store does"
