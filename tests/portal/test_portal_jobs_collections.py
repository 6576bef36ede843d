"""Collections on the portal: the list, one of them, and the forms that make, change and delete them."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.domain.acts import Act
from services.scheduler.store.audit import AuditFilter
from tests.parts.fakes_api import Api, a_job, every, running_api
from tests.parts.tokens import OPERATOR, ORDERS, READER, bearer, by_file, three_callers

LIST = "/portal/collections"
OPS = f"{LIST}/default/ops"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api() as api:
        document = {
            "sku": {"name": "Standard"},
            "quota": {"maxJobCount": 3, "maxRecurrence": {"frequency": "Hour", "interval": 2}},
            "maintenance": {"strategy": "Hold", "leadTime": "PT10M", "byType": {"Freeze": {"strategy": "Ignore"}}},
            "tags": {"team": "db"},
        }
        await api.call("PUT", "/collections/ops", document)
        await api.call("PUT", "/collections/ops/jobs/nightly", a_job(recurrence=every(240)))
        await api.call("PUT", "/collections/ops/jobs/off", a_job(recurrence=every(240), state="disabled"))
        yield api


async def page(api: Api, path: str, status: int = 200) -> str:
    async with api.session.get(f"{api.url}{path}") as reply:
        assert reply.status == status
        return html.unescape(" ".join((await reply.text()).split()))


async def send(api: Api, path: str, **form: str) -> tuple[int, str]:
    """Send a form; return the status with where it leads, or the text."""
    async with api.session.post(f"{api.url}{path}", data=form, allow_redirects=False) as reply:
        if reply.status == 303:
            return 303, str(reply.url.join(type(reply.url)(reply.headers["Location"])).relative())
        return reply.status, html.unescape(await reply.text())


async def fields(api: Api, path: str) -> dict[str, str]:
    """Return what a form's fields hold, as a browser would send it."""
    text = await page(api, path)
    found = dict(re.findall(r'<input [^>]*?name="(\w+)" value="([^"]*)"', text))
    found |= dict(re.findall(r'<textarea id="(\w+)"[^>]*>(.*?)</textarea>', text))
    for name, options in re.findall(r'<select id="(\w+)"[^>]*>(.*?)</select>', text):
        chosen = re.search(r'<option(?: value="(?P<value>[^"]*)")? selected>(\w+)', options)
        found[name] = chosen[2] if chosen else ""
    return found


async def acts(api: Api) -> list[Act]:
    log = await api.services.store.list_audit(AuditFilter(), top=10, skip=0)
    assert {entry.actor.caller for entry in log} == {"anybody"}
    return [entry.act for entry in log if entry.subject.job is None]


async def test_the_list_says_gate_jobs_plan_and_tags(api: Api) -> None:
    text = await page(api, LIST)
    assert f'href="../{OPS.removeprefix("/")}">ops</a>' in text
    assert '<a href="../portal/jobs?collection=ops">2</a><small>of 3</small>' in text
    for words in (">open</span>", "<td>Standard</td>", "team=db"):
        assert words in text


async def test_a_scheduler_without_collections_says_what_to_do() -> None:
    async with running_api() as api:
        assert "Make the first one" in await page(api, LIST)


async def test_one_page_says_what_it_allows_and_what_is_used(api: Api) -> None:
    text = await page(api, OPS)
    for words in (
        '<meter min="0" max="3" high="2.7" value="2"',
        "every 2 h at most",
        "strategy Hold, lead time PT10M",
        "<dt>Freeze</dt><dd>strategy Ignore</dd>",
        '?collection=ops&state=disabled">1</a>',
        "leeward collection show ops",
    ):
        assert words in text


async def test_a_form_that_is_sent_as_it_came_changes_nothing(api: Api) -> None:
    before = (await api.call("GET", "/collections/ops")).document
    status, onward = await send(api, f"{OPS}/edit", **await fields(api, f"{OPS}/edit"))
    assert (status, onward) == (303, f"{OPS}?notice=collection-written")
    await api.call("PUT", "/collections/bare", {})
    assert (await send(api, f"{LIST}/default/bare/edit", **await fields(api, f"{LIST}/default/bare/edit")))[0] == 303
    after = (await api.call("GET", "/collections/ops")).document
    assert {**after, "updatedAt": ""} == {**before, "updatedAt": ""}
    assert await acts(api) == [Act.COLLECTION_CREATED] * 2


async def test_a_form_replaces_what_it_names(api: Api) -> None:
    changed = {
        "jobs": "5",
        "tags": "team=sales\nnote=a=b\n",
        "strategy": "",
        "leadTime": "",
        "more": "",
        "interval": "",
    }
    sent = {**await fields(api, f"{OPS}/edit"), **changed, "state": "Suspended"}
    assert (await send(api, f"{OPS}/edit", **sent))[0] == 303
    after = (await api.call("GET", "/collections/ops")).document
    assert after["quota"] == {"maxJobCount": 5}
    assert (after["state"], after["tags"]) == ("Suspended", {"team": "sales", "note": "a=b"})
    assert "maintenance" not in after
    assert (await acts(api))[0] is Act.COLLECTION_REPLACED


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"jobs": "1"}, 409, "the collection may have 1 jobs and would have 2"),
        ({"jobs": "many"}, 400, "quota.maxJobCount: 'many' is not a whole number"),
        ({"jobs": "1000"}, 409, "above the plan Standard"),
        ({"interval": "2", "frequency": ""}, 400, "quota.maxRecurrence.frequency: choose a unit"),
        ({"tags": "team"}, 400, "'team' is no tag; write name=value"),
        ({"more": "{"}, 400, "the exceptions are not valid JSON"),
        ({"more": '{"strategy": "Hold"}'}, 400, "some of byType, bySource, byDuration"),
        ({"more": '{"byType": {"Freeze": {"strategi": "Hold"}}}'}, 400, "did you mean 'strategy'?"),
        ({"leadTime": "soon"}, 400, "maintenance.leadTime"),
        ({"seen": "earlier"}, 409, "somebody has changed the collection meanwhile"),
    ],
)
async def test_what_is_wrong_is_said_above_what_was_written(
    api: Api, change: dict[str, str], status: int, words: str
) -> None:
    sent = {**await fields(api, f"{OPS}/edit"), **change}
    refused, text = await send(api, f"{OPS}/edit", **sent)
    assert (refused, words in text) == (status, True), text
    assert 'role="alert"' in text
    assert f'value="{sent["jobs"]}"' in text
    assert await acts(api) == [Act.COLLECTION_CREATED]


async def test_a_new_one_is_made_and_no_other_overwritten(api: Api) -> None:
    sent = {**await fields(api, f"{LIST}/new"), "name": "sales", "tags": "a=b"}
    assert await send(api, f"{LIST}/new", **sent) == (303, f"{LIST}/default/sales?notice=collection-written")
    assert (await api.call("GET", "/collections/sales")).document["tags"] == {"a": "b"}
    status, text = await send(api, f"{LIST}/new", **{**sent, "name": "OPS"})
    assert (status, "there is a collection OPS already" in text) == (409, True)
    for wrong in ({"name": "a/b"}, {"group": "a/b"}, {"name": ""}, {"name": "a\x00"}):
        assert (await send(api, f"{LIST}/new", **{**sent, **wrong}))[0] == 400
    assert await acts(api) == [Act.COLLECTION_CREATED] * 2


async def test_a_gate_is_closed_and_opened(api: Api) -> None:
    assert await send(api, f"{OPS}/disable") == (303, f"{OPS}?notice=collection-disabled")
    assert "None of its jobs runs" in await page(api, OPS)
    assert await send(api, f"{OPS}/enable") == (303, f"{OPS}?notice=collection-enabled")
    assert await acts(api) == [Act.COLLECTION_ENABLED, Act.COLLECTION_DISABLED, Act.COLLECTION_CREATED]


async def test_one_with_jobs_is_deleted_by_who_types_its_name(api: Api) -> None:
    assert "2 jobs</a>" in await page(api, f"{OPS}/delete")
    status, text = await send(api, f"{OPS}/delete", name="opps")
    assert (status, "type ops to delete it" in text, 'value="opps"' in text) == (400, True, True)
    assert await send(api, f"{OPS}/delete", name="ops") == (303, f"{LIST}?notice=collection-deleted")
    assert (await api.call("GET", "/collections/ops")).status == 404
    assert (await acts(api))[0] is Act.COLLECTION_DELETED
    assert "There is no such thing" in (await send(api, f"{OPS}/delete"))[1]


async def test_an_empty_one_is_deleted_without_typing(api: Api) -> None:
    await api.call("PUT", "/collections/empty", {})
    assert 'name="name"' not in await page(api, f"{LIST}/default/empty/delete")
    assert (await send(api, f"{LIST}/default/empty/delete"))[0] == 303


@pytest.mark.parametrize(("token", "makes"), [(OPERATOR, 303), (READER, 403), (ORDERS, 403)])
async def test_only_who_may_make_one_does(tmp_path: Path, token: str, makes: int) -> None:
    async with (
        running_api(rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        await api.call("PUT", "/collections/ops", {}, **bearer(OPERATOR))
        await browser.post(f"{api.url}/sign-in", data={"token": token})
        async with browser.get(f"{api.url}{LIST}") as answer:
            text = await answer.text()
        assert ("/ops" in text) is (token != ORDERS)
        assert ("New collection" in text) is (token != READER)
        found = re.search(r'name="csrf" value="(\w+)"', text)
        assert found is not None
        form = {"csrf": found[1], "name": "sales"}
        async with browser.post(f"{api.url}{LIST}/new", data=form, allow_redirects=False) as reply:
            assert reply.status == makes
