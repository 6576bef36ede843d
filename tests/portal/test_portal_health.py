"""The page about Leeward itself, and the audit log."""

import html
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.errors import StoreUnavailableError
from services.scheduler.portal.health.audit import changed
from services.scheduler.portal.ports import Line
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import Life
from services.scheduler.store.whereabouts import Grounds
from shared.messages import Presence, ReplicaStatus
from tests.parts.api_work import turn
from tests.parts.fakes_api import NOON, Api, a_job, running_api
from tests.parts.tokens import OPERATOR, ORDERS, READER, by_file, three_callers

PAGE = "/portal/health"
AUDIT = f"{PAGE}/audit"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        yield api


async def page(api: Api, path: str = PAGE, status: int = 200, session: ClientSession | None = None) -> str:
    async with (session or api.session).get(f"{api.url}{path}") as answer:
        assert answer.status == status
        return html.unescape(" ".join((await answer.text()).split()))


async def test_when_all_is_well_it_says_so(api: Api) -> None:
    text = await page(api)
    assert "Leeward is well" in text
    assert "look at this" not in text
    assert "<dt>Answered within</dt>" in text
    assert "mqtt://127.0.0.1:1883" in text


async def test_what_holds_for_a_moment_may_pass_and_what_lasts_needs_a_look(api: Api) -> None:
    api.replica.metrics.bus_connected.set(0)
    api.replica.line = Line(broker="mqtt://b:1883", is_connected=False, problems={"broker": "connection refused"})
    text = await page(api)
    assert "It matters if it lasts" in text
    assert "connection refused" in text
    turn(api, minutes=2)
    text = await page(api)
    assert "Something needs a look" in text
    assert "LeewardSchedulerBusDown" in text
    api.replica.metrics.bus_connected.set(1)
    assert "Leeward is well" in await page(api)


async def test_lateness_and_failed_duties_are_told_in_words(api: Api) -> None:
    for seconds in (0.002, 0.002, 0.03):
        api.replica.metrics.lateness.observe(seconds)
    api.replica.metrics.duty_failures.labels("steward").inc()
    text = await page(api)
    assert "<dt>Half of them within</dt><dd>2 ms</dd>" in text
    assert "<dt>99 in 100 within</dt><dd>50 ms</dd>" in text
    assert "steward: 1" in text
    assert "LeewardDutyFails" in text


async def test_every_scheduler_that_the_store_or_the_bus_knows_is_listed(api: Api) -> None:
    owner = await api.services.store.register("scheduler-1", NOON, timedelta(seconds=15))
    status = ReplicaStatus(replica="scheduler-2", session="s", state=Presence.OFFLINE, at=NOON, version="0.0.9")
    api.replica.statuses = [status]
    text = await page(api)
    assert text.index("scheduler-0") < text.index("scheduler-1") < text.index("scheduler-2")
    assert "0.0.9" in text
    assert ">gone<" in text
    turn(api, minutes=1)
    assert ">lease over<" in await page(api)
    assert (await api.services.store.lives())[0].owner == owner


async def test_while_the_store_is_away_the_page_is_there_to_say_so() -> None:
    async with running_api(store=AwayStore(lambda: "id")) as api:
        text = await page(api)
        assert "Something needs a look" in text
        assert "It does not answer now." in text


class AwayStore(MemoryStore):
    """A store whose database cannot be reached."""

    async def grounds(self) -> Grounds:
        raise StoreUnavailableError("the database is away")

    async def lives(self) -> list[Life]:
        raise StoreUnavailableError("the database is away")


@pytest.mark.parametrize(
    ("token", "settings", "numbers"), [(OPERATOR, True, True), (READER, False, True), (ORDERS, False, False)]
)
async def test_each_caller_sees_what_is_for_it(tmp_path: Path, token: str, settings: bool, numbers: bool) -> None:
    async with (
        running_api(rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        api.replica.given = {"database_url": ("postgresql://leeward:***@db/x", "LEEWARD_DATABASE_URL")}
        await browser.post(f"{api.url}/sign-in", data={"token": token})
        text = await page(api, session=browser)
        assert ("Settings in effect" in text) is settings
        assert ("postgresql://leeward:***@db/x" in text) is settings
        for words in ("Lateness", "Schedulers", "20260101-aa", "mqtt://127.0.0.1:1883", "scheduler-0"):
            assert (words in text) is numbers, words
        assert "Database" in text


async def test_the_audit_log_tells_who_changed_what(api: Api) -> None:
    await api.call("PUT", "/collections/ops", {})
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job(timeout="PT30S"))
    await api.call("PATCH", "/collections/ops/jobs/nightly", {"timeout": "PT45S"})
    text = (await page(api, AUDIT)).partition('id="found"')[2]
    assert text.index("job.patched") < text.index("job.created") < text.index("collection.created")
    assert "<code>timeout</code> <del>PT30S</del> <ins>PT45S</ins>" in text
    assert "portal/jobs/default/ops/nightly" in text
    assert "No change fits." in await page(api, f"{AUDIT}?host=db-0")
    assert "ops/" not in (await page(api, f"{AUDIT}?action=collection.created")).partition('id="found"')[2]
    assert "action" in await page(api, f"{AUDIT}?action=mischief", 400)


async def test_a_confined_caller_finds_its_own_changes_alone(tmp_path: Path) -> None:
    async with (
        running_api(rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        for name, token in (("orders", ORDERS), ("others", OPERATOR)):
            await api.call("PUT", f"/collections/{name}", {}, Authorization=f"Bearer {token}")
        await browser.post(f"{api.url}/sign-in", data={"token": ORDERS})
        text = await page(api, AUDIT, session=browser)
        assert "orders-bot" in text
        assert "others" not in text


def test_changes_are_told_field_by_field() -> None:
    before, after = {"a": {"b": 1, "c": [1, 2]}, "d": "x"}, {"a": {"b": 2, "c": [1, 2]}, "e": True}
    told = [(one.field, one.before, one.after) for one in changed(before, after)]
    assert told == [("a.b", "1", "2"), ("d", "x", None), ("e", None, "true")]
    assert changed(None, after) == []
