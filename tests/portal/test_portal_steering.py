"""Cordon and release from the pages about hosts."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.domain.acts import Act
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.portal.notices import NOTICES, Notice
from services.scheduler.store.audit import AuditFilter
from tests.parts.fakes_api import NOON, Api, running_api
from tests.parts.tokens import OPERATOR, ORDERS, READER, by_file, three_callers

HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
PAGES = ["/portal/hosts", "/portal/hosts/db-0"]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(HOST) as api:
        yield api


async def send(api: Api, path: str, **form: str) -> str:
    """Send a form as a page of ours does; return where it leads."""
    async with api.session.post(f"{api.url}{path}", data=form, allow_redirects=False) as reply:
        assert reply.status == 303, await reply.text()
        return reply.headers["Location"]


async def page(session: ClientSession, url: str) -> str:
    async with session.get(url) as reply:
        assert reply.status == 200
        return " ".join((await reply.text()).split())


async def test_a_host_is_cordoned_for_as_long_as_the_form_says_and_released(api: Api) -> None:
    led = await send(api, "/portal/hosts/db-0/cordon", reason="new disks", minutes="60")
    assert led == "../../../portal/hosts/db-0?notice=cordoned"
    [cordon] = await api.services.store.list_cordons()
    assert (cordon.host, cordon.reason, cordon.until) == ("db-0", "new disks", NOON + timedelta(hours=1))
    for path in PAGES:
        assert "Release" in await page(api.session, f"{api.url}{path}")
    assert await send(api, "/portal/hosts/db-0/release") == "../../../portal/hosts/db-0?notice=released"
    assert await api.services.store.list_cordons() == []
    log = await api.services.store.list_audit(AuditFilter(), top=10, skip=0)
    assert [(entry.act, entry.actor.caller) for entry in log] == [
        (Act.HOST_RELEASED, "anybody"),
        (Act.HOST_CORDONED, "anybody"),
    ]


async def test_a_form_leads_back_to_the_page_that_it_was_sent_from(api: Api) -> None:
    asked = "?pool=db&page=1"
    text = await page(api.session, f"{api.url}/portal/hosts{asked}")
    assert 'name="back" value="portal/hosts?pool=db&amp;page=1"' in text
    led = await send(api, "/portal/hosts/db-0/cordon", reason="new disks", back=f"portal/hosts{asked}")
    assert led == "../../../portal/hosts?pool=db&page=1&notice=cordoned"


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "portal/hosts/../..//evil", "", "sign-out"]
)
async def test_a_form_leads_nowhere_else(api: Api, back: str) -> None:
    led = await send(api, "/portal/hosts/db-0/cordon", reason="new disks", back=back)
    assert led == "../../../portal/hosts/db-0?notice=cordoned"


@pytest.mark.parametrize("minutes", ["", "7", "-1", "soon"])
async def test_without_a_length_that_is_offered_a_cordon_stands_until_it_is_released(api: Api, minutes: str) -> None:
    await send(api, "/portal/hosts/db-0/cordon", reason="new disks", minutes=minutes)
    [cordon] = await api.services.store.list_cordons()
    assert cordon.until is None


@pytest.mark.parametrize(
    ("path", "form", "notice"),
    [
        ("/portal/hosts/db-0/cordon", {"reason": "  "}, Notice.REASON),
        ("/portal/hosts/gone/cordon", {"reason": "new disks"}, Notice.HOST),
        ("/portal/hosts/gone/release", {}, Notice.HOST),
    ],
)
async def test_what_comes_to_nothing_is_told_on_the_page(
    api: Api, path: str, form: dict[str, str], notice: Notice
) -> None:
    led = await send(api, path, **form)
    assert f"notice={notice}" in led
    assert NOTICES[notice].text in await page(api.session, f"{api.url}/{led.removeprefix('../../../')}")
    assert await api.services.store.list_cordons() == []


async def test_what_no_store_can_keep_is_refused(api: Api) -> None:
    form = {"reason": "new\0disks"}
    async with api.session.post(f"{api.url}/portal/hosts/db-0/cordon", data=form, allow_redirects=False) as reply:
        assert (reply.status, "NUL" in await reply.text()) == (400, True)
    assert await api.services.store.list_cordons() == []


async def test_a_notice_says_only_what_is_ours_to_say(api: Api) -> None:
    assert 'role="alert"' not in await page(api.session, f"{api.url}/portal/hosts?notice=<b>pay+here</b>")


@pytest.mark.parametrize(("token", "steers"), [(OPERATOR, True), (READER, False), (ORDERS, False)])
async def test_only_who_may_steer_has_the_forms_and_is_let_through(tmp_path: Path, token: str, steers: bool) -> None:
    async with (
        running_api(HOST, rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        await browser.post(f"{api.url}/sign-in", data={"token": token})
        for path in PAGES:
            text = await page(browser, f"{api.url}{path}")
            assert ("portal/hosts/db-0/cordon" in text) is steers
        found = re.search(r'name="csrf" value="(\w+)"', text)
        assert found is not None
        form = {"csrf": found[1], "reason": "new disks"}
        async with browser.post(f"{api.url}/portal/hosts/db-0/cordon", data=form, allow_redirects=False) as reply:
            assert reply.status == (303 if steers else 403)
        assert bool(await api.services.store.list_cordons()) is steers
