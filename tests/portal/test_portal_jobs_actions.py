"""Running, switching and deleting jobs by the forms of the pages."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.domain.acts import Act
from services.scheduler.domain.collections import CollectionId
from services.scheduler.errors import NotFoundError
from services.scheduler.portal.notices import NOTICES, Notice
from services.scheduler.store.audit import AuditFilter
from tests.parts.api_work import claim_due, run_due
from tests.parts.fakes_api import Api, a_job, every, running_api
from tests.parts.tokens import OPERATOR, ORDERS, READER, bearer, by_file, three_callers

PAGE = "/portal/jobs/default/ops/nightly"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        await api.call("PUT", "/collections/ops", {})
        await api.call("PUT", "/collections/ops/jobs/nightly", a_job(recurrence=every(5)))
        yield api


async def send(api: Api, path: str, **form: str) -> str:
    """Send a form as a page of ours does; return the page it leads to, below the address."""
    async with api.session.post(f"{api.url}{path}", data=form, allow_redirects=False) as reply:
        assert reply.status == 303, await reply.text()
        return str(reply.url.join(type(reply.url)(reply.headers["Location"])).relative())


async def page(api: Api, path: str, status: int = 200) -> str:
    async with api.session.get(f"{api.url}{path}") as reply:
        assert reply.status == status
        return " ".join((await reply.text()).split())


async def acts(api: Api) -> list[tuple[Act, str]]:
    log = await api.services.store.list_audit(AuditFilter(), top=10, skip=0)
    return [(entry.act, entry.actor.caller) for entry in log if entry.subject.job is not None]


@pytest.mark.parametrize(
    ("verb", "notice", "act"),
    [
        ("run", Notice.JOB_RUN, Act.JOB_RUN),
        ("disable", Notice.JOB_DISABLED, Act.JOB_DISABLED),
        ("delete", Notice.JOB_DELETED, Act.JOB_DELETED),
    ],
)
async def test_a_form_does_it_once_audits_it_and_leads_on(api: Api, verb: str, notice: Notice, act: Act) -> None:
    onward = await send(api, f"{PAGE}/{verb}")
    assert onward == f"{'/portal/jobs' if verb == 'delete' else PAGE}?notice={notice}"
    assert NOTICES[notice].text in await page(api, onward)
    assert (await acts(api))[0] == (act, "anybody")
    assert len(await acts(api)) == 2


async def test_a_list_is_come_back_to_as_it_was(api: Api) -> None:
    onward = await send(api, f"{PAGE}/run", back="q=night&tag=a%3Db&tag=c%3Dd&notice=deleted")
    assert onward == "/portal/jobs?q=night&tag=a%3Db&tag=c%3Dd&notice=run"
    assert (await send(api, f"{PAGE}/run", back="//evil.example/")).startswith("/portal/jobs?")


async def test_a_run_is_claimed_and_a_disabled_job_is_enabled_again(api: Api) -> None:
    await send(api, f"{PAGE}/disable")
    await send(api, f"{PAGE}/run")
    _, [claim] = await claim_due(api)
    assert claim.occurrence.manual
    assert "Enable <span" in await page(api, PAGE)
    assert await send(api, f"{PAGE}/enable") == f"{PAGE}?notice={Notice.JOB_ENABLED}"
    assert "Disable <span" in await page(api, PAGE)


async def test_a_completed_job_starts_anew_and_is_not_disabled(api: Api) -> None:
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job())
    await run_due(api)
    assert "Start anew <span" in await page(api, PAGE)
    async with api.session.post(f"{api.url}{PAGE}/disable", allow_redirects=False) as reply:
        text = await reply.text()
        assert reply.status == 409
    assert 'role="alert">Nothing was changed: ' in text
    assert "hx-get" not in text[: text.index("summary-title")]
    assert await send(api, f"{PAGE}/enable") == f"{PAGE}?notice={Notice.JOB_ENABLED}"


@pytest.mark.parametrize(("method", "verb"), [("POST", "enable"), ("POST", "delete"), ("GET", "edit")])
async def test_what_stands_in_place_of_a_form_does_not_fetch_itself_again(api: Api, method: str, verb: str) -> None:
    address = f"{api.url}/portal/jobs/default/ops/gone/{verb}"
    async with api.session.request(method, address, allow_redirects=False) as reply:
        text = await reply.text()
        assert (reply.status, "There is no such thing" in text) == (404, True)
    assert "hx-get" not in text
    assert "hx-get" in await page(api, "/portal/jobs/default/ops/gone", 404), "a page may come to be there"


async def test_before_a_deletion_it_is_said_what_goes(api: Api) -> None:
    await run_due(api)
    text = await page(api, f"{PAGE}/delete")
    assert "its history: 1 row<" in text
    assert "the next run, due" in text
    assert await acts(api) == [(Act.JOB_CREATED, "anybody")]


@pytest.mark.parametrize("verb", ["run", "enable", "disable", "delete"])
async def test_what_is_gone_meanwhile_is_told(api: Api, verb: str) -> None:
    await send(api, f"{PAGE}/delete")
    async with api.session.post(f"{api.url}{PAGE}/{verb}", allow_redirects=False) as reply:
        assert reply.status == 404
        assert "There is no such thing" in await reply.text()


@pytest.mark.parametrize(("token", "status"), [(OPERATOR, 303), (READER, 403), (ORDERS, 404)])
async def test_only_who_may_change_it_has_the_forms_and_is_let_through(tmp_path: Path, token: str, status: int) -> None:
    async with (
        running_api(rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        await api.call("PUT", "/collections/ops", {}, **bearer(OPERATOR))
        await api.call("PUT", "/collections/ops/jobs/nightly", a_job(recurrence=every(5)), **bearer(OPERATOR))
        await browser.post(f"{api.url}/sign-in", data={"token": token})
        async with browser.get(f"{api.url}{PAGE}") as answer:
            text = await answer.text()
        assert ("/delete" in text) is (status == 303)
        found = re.search(r'name="csrf" value="(\w+)"', text)
        assert found is not None
        async with browser.post(f"{api.url}{PAGE}/delete", data={"csrf": found[1]}, allow_redirects=False) as reply:
            assert reply.status == status
        place = await api.services.store.list_collections(api.services.subscription, None, top=1, skip=0)
        await is_there(api, place[0].id, gone=status == 303)
        async with browser.get(f"{api.url}{PAGE}/delete") as asked:
            assert asked.status == (404 if status == 303 else status)


async def is_there(api: Api, collection_id: CollectionId, *, gone: bool) -> None:
    """Hold that the job is there, or gone."""
    if gone:
        with pytest.raises(NotFoundError):
            await api.services.store.get_job(collection_id, "nightly")
    else:
        assert (await api.services.store.get_job(collection_id, "nightly")).name == "nightly"
