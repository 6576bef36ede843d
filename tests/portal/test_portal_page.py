"""The page at `/`, over the API's own application."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.portal.overview import JOBS_COUNTED, JOBS_SHOWN
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import (
    EventOutcome,
    EventRecord,
    HostDrain,
)
from tests.parts.api_work import run_due, turn
from tests.parts.builders import ANNOUNCED
from tests.parts.fakes_api import NOON, Api, a_job, every, running_api
from tests.parts.stored import draft, put_collection

HOSTS = (
    HostReport(host="db-0", condition=HostCondition.CORDONED, watcher="online", pools=("db",), events=("E1",), held=2),
    HostReport(host="db-1", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",)),
    HostReport(host="lonely", condition=HostCondition.AVAILABLE, watcher="offline"),
)


def event(**changes: object) -> EventRecord:
    return msgspec.structs.replace(ANNOUNCED, **changes)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(*HOSTS) as api:
        yield api


async def page(api: Api, path: str = "/") -> str:
    async with api.session.get(f"{api.url}{path}") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        return " ".join((await answer.text()).split())


async def test_an_empty_scheduler_says_what_to_do_first() -> None:
    async with running_api() as api:
        text = await page(api, "/")
    assert "Waiting for the first host" in text
    assert "No jobs yet." in text
    assert "Nothing has run yet." in text


async def test_hosts_stand_by_pool_with_their_condition_in_words(api: Api) -> None:
    text = await page(api)
    assert text.index("Pool db") < text.index("db-0") < text.index("db-1") < text.index("In no pool")
    assert "1 of 2 available" in text
    assert ">cordoned</span>" in text


async def test_an_active_event_leads_the_page_and_names_what_it_threatens(api: Api) -> None:
    drained = {"db-0": HostDrain(drain="draining", running=1, rerouted=4, held=2)}
    await api.services.store.put_event(event(hosts=drained))
    text = await page(api)
    assert "1 event in the fleet" in text
    assert "<strong>db-0</strong> draining: 1 running, 4 rerouted, 2 held" in text
    assert "Reboot scheduled" in text


async def test_a_past_event_keeps_its_outcome(api: Api) -> None:
    await api.services.store.put_event(event(outcome=EventOutcome.CANCELLED, ended_at=NOON))
    text = await page(api)
    assert "No maintenance is announced." in text
    assert ">cancelled</span>" in text


async def test_jobs_show_their_rule_next_run_and_last_result(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    await api.call("PUT", "/collections/demo/jobs/tick", a_job(recurrence=every(5), startTime="2026-03-02T12:01:00Z"))
    turn(api, minutes=1)
    await run_due(api)
    text = await page(api)
    assert "every 5 minutes" in text
    assert "2026-03-02 12:06:00 UTC" in text
    assert ">succeeded</span>" in text


async def test_jobs_behind_a_closed_gate_look_disabled_and_have_no_next_run(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {"state": "Disabled"})
    await api.call("PUT", "/collections/demo/jobs/tick", a_job(recurrence=every(5)))
    text = await page(api)
    assert ">disabled</span>" in text
    assert "<small> of 1</small>" in text


async def test_more_jobs_than_are_shown_are_counted_and_said(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    jobs = [a_job(name=f"job-{number:03}", recurrence=every(5)) for number in range(JOBS_SHOWN + 1)]
    await api.call("POST", "/collections/demo/jobs:batch", {"value": jobs})
    text = await page(api)
    assert f"<dt>Jobs</dt><dd>{JOBS_SHOWN + 1}</dd>" in text
    assert "1 more are not shown here" in text


async def test_a_page_counts_jobs_only_so_far_and_says_so(api: Api) -> None:
    collection = await put_collection(api.services.store, "many")
    drafts = [draft(f"job-{number}") for number in range(JOBS_COUNTED + 1)]
    await api.services.store.put_jobs(collection.id, drafts, NOON)
    text = await page(api)
    assert f"<dt>Jobs</dt><dd>{JOBS_COUNTED}<small> or more</small></dd>" in text
    assert f"{JOBS_COUNTED - JOBS_SHOWN} or more are not shown here" in text


async def test_what_comes_from_outside_is_escaped(api: Api) -> None:
    await api.services.store.put_event(event(description="<script>alert(1)</script>"))
    text = await page(api)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


async def test_the_page_may_load_nothing_from_elsewhere(api: Api) -> None:
    async with api.session.get(api.url) as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'" in policy
    assert "://" not in text.replace("http://{host}", "")
    for file in ("portal.css", "portal.js", "leeward.svg"):
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
        assert answer.status == 503
        assert "The store cannot be reached" in await answer.text()
