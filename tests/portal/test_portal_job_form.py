"""The form of jobs without a script: opened, checked, saved; faults at their inputs, secrets in no page."""

import html
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.domain.acts import Act
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.domain.secret_fields import secrets_of
from services.scheduler.domain.secrets import Secret
from services.scheduler.portal.notices import NOTICES, Notice
from services.scheduler.store.audit import AuditFilter
from tests.parts.every_action import ACTIONS, PASSWORD, SECRETS
from tests.parts.fakes_api import Api, a_job, every, running_api
from tests.parts.page_forms import filled_form
from tests.parts.tokens import OPERATOR, ORDERS, READER, bearer, by_file, three_callers

HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
NEW = "/portal/jobs/new"
EDIT = "/portal/jobs/default/ops/nightly/edit"
URI = "action.request.uri"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(HOST) as api:
        await api.call("PUT", "/collections/ops", {})
        yield api


async def page(api: Api, path: str, status: int = 200) -> str:
    async with api.session.get(f"{api.url}{path}") as reply:
        assert reply.status == status
        return await reply.text()


async def send(api: Api, path: str, text: str, changes: Mapping[str, str | list[str]], do: str = "save") -> Any:
    """Send the form of a page, changed; return the status and where it leads, or the page that comes."""
    form = {**filled_form(text), **changes, "do": do}
    async with api.session.post(f"{api.url}{path}", data=_flat(form), allow_redirects=False) as reply:
        return reply.status, reply.headers.get("Location") or await reply.text()


async def stored(api: Api, name: str = "nightly") -> dict[str, Any]:
    document: dict[str, Any] = (await api.call("GET", f"/collections/ops/jobs/{name}")).document
    return document


async def held(api: Api) -> list[Secret]:
    """Return the sealed secrets of the one job there is."""
    [[job]] = (await api.stored())[1]
    return [one.secret for one in secrets_of(job.definition.action)]


async def test_a_new_job_is_saved_and_the_audit_log_tells_of_it(api: Api) -> None:
    text = await page(api, f"{NEW}?collection=ops")
    said = {"name": "nightly", URI: "https://api.test/tick", "rhythm": "cron", "recurrence.cron": "30 2 * * *"}
    status, place = await send(api, NEW, text, {**said, "recurrence.timeZone": "Europe/Berlin", "tags": "team=db"})
    assert (status, place) == (303, "default/ops/nightly?notice=created")
    document = await stored(api)
    assert document["recurrence"] == {"cron": "30 2 * * *", "timeZone": "Europe/Berlin"}
    assert (document["action"]["request"]["uri"], document["tags"]) == ("https://api.test/tick", {"team": "db"})
    log = await api.services.store.list_audit(AuditFilter(), top=1, skip=0)
    assert log[0].act is Act.JOB_CREATED
    assert NOTICES[Notice.JOB_CREATED].text in await page(api, f"/portal/jobs/{place}")


async def test_faults_stand_at_their_inputs_and_nothing_typed_is_lost(api: Api) -> None:
    text = await page(api, NEW)
    said = {"name": "no name!", "collection": "default/ops", URI: "ftp://api.test", "tags": "team=db"}
    status, text = await send(api, NEW, text, {**said, "recurrence.interval": "many", "action.request.headers": "x"})
    assert status == 400
    assert 'id="f-recurrence-interval-fault" class="fault">&#39;many&#39; is no whole number<' in text
    assert '<a href="#f-action-request-headers">Headers</a>' in text
    assert re.search(r'id="f-action-request-headers"[^>]*aria-invalid="true"', text)
    form = filled_form(text)
    assert (form["name"], form[URI], form["recurrence.interval"]) == ("no name!", "ftp://api.test", "many")
    fixed = {"recurrence.interval": "1", "action.request.headers": "X-A: 1", "name": "nightly"}
    status, text = await send(api, NEW, text, fixed)
    assert (status, "must begin with http://" in text) == (400, True)
    assert (await api.call("GET", "/collections/ops/jobs")).document["value"] == []


async def test_what_the_plan_forbids_is_a_conflict_at_its_input(api: Api) -> None:
    await api.call("PUT", "/collections/small", {"sku": {"name": "Free"}})
    text = await page(api, f"{NEW}?collection=small")
    said = {"name": "nightly", URI: "https://api.test", "recurrence.frequency": "minute"}
    status, text = await send(api, NEW, text, said)
    assert status == 409
    assert "the collection&#39;s quota or plan allows a run every PT1H" in text


async def test_a_name_that_is_taken_is_never_written_over(api: Api) -> None:
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job())
    before = await api.stored()
    status, text = await send(
        api, NEW, await page(api, NEW), {"name": "Nightly", "collection": "default/ops", URI: "https://api.test"}
    )
    assert (status, "there is a job Nightly already" in text) == (400, True)
    assert await api.stored() == before


async def test_check_shows_what_comes_of_it_and_saves_nothing(api: Api) -> None:
    said = {"name": "nightly", "collection": "default/ops", URI: "https://api.test/tick", "recurrence.interval": "2"}
    status, text = await send(api, NEW, await page(api, NEW), said, do="check")
    assert status == 200
    assert "Every 2 hours, UTC" in text
    assert text.count("<time ") == 10
    assert "leeward job create ops/nightly" in text
    assert (await api.call("GET", "/collections/ops/jobs")).document["value"] == []


async def test_the_preview_is_a_part_of_a_page_with_what_is_still_to_be_said(api: Api) -> None:
    form = {**filled_form(await page(api, NEW)), "name": "nightly"}
    headers = {"HX-Request": "true"}
    async with api.session.post(f"{api.url}/portal/jobs/preview", data=_flat(form), headers=headers) as reply:
        text = html.unescape(await reply.text())
        assert (reply.status, "<html" in text) == (200, False)
    assert "Still to be said" in text
    assert 'data-at="f-action-request-uri" data-says="is required"' in text
    assert "Every hour, UTC" in text


@pytest.mark.parametrize("kind", ACTIONS)
async def test_an_edit_keeps_secrets_and_shows_none(api: Api, kind: str) -> None:
    document = a_job(action=ACTIONS[kind], recurrence=every(5))
    assert (await api.call("PUT", "/collections/ops/jobs/nightly", document)).status == 201
    before, kept = await stored(api), await held(api)
    text = await page(api, EDIT)
    status, place = await send(api, EDIT, text, {"tags": "team=db"})
    assert (status, place) == (303, "../nightly?notice=saved")
    assert await stored(api) == {**before, "tags": {"team": "db"}}
    assert await held(api) == kept
    assert not any(secret in html.unescape(text) for secret in SECRETS)


async def test_a_typed_secret_is_in_no_page_that_comes_back(api: Api) -> None:
    said = {
        "name": "nightly",
        "collection": "default/ops",
        URI: "https://api.test",
        "action.request.authentication.type": "Basic",
        "action.request.authentication.username": "",
        "action.request.authentication.password": PASSWORD,
    }
    status, text = await send(api, NEW, await page(api, NEW), said)
    assert (status, "Type secrets again" in text) == (400, True)
    status, json = await send(api, NEW, text, said, do="json")
    assert status == 200
    as_text = filled_form(json)["document"]
    document = msgspec.json.decode(str(as_text))
    document["action"]["request"]["authentication"]["password"] = PASSWORD
    typed = {"document": msgspec.json.encode(document).decode()}
    status, again = await send(api, NEW, json, typed)
    assert (status, PASSWORD in text + json + again) == (400, False)


async def test_who_shows_a_kept_secret_to_others_has_to_give_it_again(api: Api) -> None:
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job(action=ACTIONS["basic"]))
    status, text = await send(api, EDIT, await page(api, EDIT), {URI: "https://elsewhere.test/"})
    assert status == 400
    assert "was given for https://api.test; to show it to https://elsewhere.test, give it again" in text


async def test_a_signature_can_be_taken_away(api: Api) -> None:
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job(action=ACTIONS["signed"]))
    removed = {"removed": "action.request.webhookSecret"}
    assert (await send(api, EDIT, await page(api, EDIT), removed))[0] == 303
    assert "webhookSigned" not in (await stored(api))["action"]["request"]


async def test_what_somebody_else_changed_meanwhile_is_shown_and_not_lost(api: Api) -> None:
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job(recurrence=every(5)))
    text = await page(api, EDIT)
    await api.call("PATCH", "/collections/ops/jobs/nightly", {"tags": {"team": "web"}, "timeout": "PT2M"})
    status, text = await send(api, EDIT, text, {"tags": "team=db"})
    assert (status, (await stored(api))["tags"]) == (409, {"team": "web"})
    rows = html.unescape(" ".join(text.split()))
    assert "<code>tags.team</code></th><td>–</td><td>web</td><td>db</td>" in rows
    assert "<code>timeout</code></th><td>PT1M</td><td>PT2M</td><td>PT1M</td>" in rows
    assert (await send(api, EDIT, text, {}))[0] == 303
    assert (await stored(api))["tags"] == {"team": "db"}


async def test_an_edit_of_a_deleted_job_becomes_a_new_one(api: Api) -> None:
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job(recurrence=every(5)))
    text = await page(api, EDIT)
    await api.call("DELETE", "/collections/ops/jobs/nightly")
    status, text = await send(api, EDIT, text, {"tags": "team=db"})
    assert (status, "was deleted meanwhile" in text) == (409, True)
    assert (await send(api, NEW, text, {}))[0] == 303
    assert (await stored(api))["tags"] == {"team": "db"}


async def test_a_clone_is_the_same_under_another_name_but_for_secrets(api: Api) -> None:
    extras = {"bySource": {"User": {"strategy": "Ignore"}}, "cancel": {"request": {"uri": "https://api.test/stop"}}}
    document = a_job(action=ACTIONS["basic"], recurrence=every(5), maintenance=extras)
    await api.call("PUT", "/collections/ops/jobs/nightly", document)
    text = await page(api, f"{NEW}?from=default/ops/nightly")
    assert filled_form(text)["name"] == "nightly-copy"
    status, refused = await send(api, NEW, text, {})
    assert (status, 'f-action-request-authentication-password">Password</a>: is required' in refused) == (400, True)
    assert (await send(api, NEW, text, {"action.request.authentication.password": PASSWORD}))[0] == 303
    one, other = await stored(api), await stored(api, "nightly-copy")
    assert {name: one[name] for name in ("action", "maintenance", "recurrence")} == {
        name: other[name] for name in ("action", "maintenance", "recurrence")
    }


async def test_the_whole_document_can_be_edited_as_json_and_brought_back(api: Api) -> None:
    await api.call("PUT", "/collections/ops/jobs/nightly", a_job(action=ACTIONS["basic"], recurrence=every(5)))
    status, text = await send(api, EDIT, await page(api, EDIT), {"tags": "team=db"}, do="json")
    document = msgspec.json.decode(str(filled_form(text)["document"]))
    assert (status, document["tags"]) == (200, {"team": "db"})
    document["maintenance"] = {"byDuration": [{"upTo": "PT10S", "strategy": "Ignore"}]}
    typed = {"document": msgspec.json.encode(document).decode()}
    status, fields = await send(api, EDIT, text, typed, do="fields")
    assert (status, filled_form(fields)["tags"]) == (200, "team=db")
    assert (await send(api, EDIT, fields, {"timeout": "2m"}))[0] == 303
    after = await stored(api)
    assert (after["maintenance"], after["timeout"]) == (document["maintenance"], "PT2M")
    assert after["action"]["request"]["authentication"]["username"] == "me"


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        '{"acton": {}}',
        '{"action": {"request": {"uri": 5}}}',
        '{"action": {"request": {"authentication": "basic"}}}',
        '{"maintenance": {"byType": ["Freeze"], "byDuration": ["PT9S"]}}',
        '{"recurrence": {"frequency": "month", "schedule": {"monthlyOccurrences": ["friday"]}}}',
    ],
)
async def test_json_that_is_no_job_stays_as_it_was_typed(api: Api, document: str) -> None:
    status, text = await send(api, NEW, await page(api, NEW), {"name": "nightly", "collection": "default/ops"}, "json")
    for button in ("fields", "save"):
        status, again = await send(api, NEW, text, {"document": document}, do=button)
        assert (status, filled_form(again)["document"]) == (400, document)
        assert re.search(r'<a href="#f-document">[^<]+</a>: ', again)


async def test_one_time_jobs_start_by_the_clock_of_their_zone(api: Api) -> None:
    said = {"name": "once", "collection": "default/ops", URI: "https://api.test", "rhythm": "once"}
    zone = {"recurrence.timeZone": "Europe/Berlin", "startTime": "2026-07-01T09:00"}
    assert (await send(api, NEW, await page(api, NEW), {**said, **zone}))[0] == 303
    assert (await stored(api, "once"))["startTime"] == "2026-07-01T07:00:00Z"


@pytest.mark.parametrize(("token", "status"), [(OPERATOR, 200), (READER, 403)])
async def test_only_who_may_change_jobs_gets_the_form(tmp_path: Path, token: str, status: int) -> None:
    async with (
        running_api(HOST, rules=by_file(three_callers(tmp_path))) as api,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": api.url}) as browser,
    ):
        await browser.post(f"{api.url}/sign-in", data={"token": token})
        async with browser.get(f"{api.url}{NEW}") as reply:
            text = await reply.text()
            assert (reply.status, 'id="job-form"' in text) == (status, status == 200)
        async with browser.post(f"{api.url}{NEW}", data={"name": "x"}) as reply:
            assert reply.status == 403


async def test_a_confined_caller_sees_and_reaches_its_own_collections_only(tmp_path: Path) -> None:
    async with running_api(HOST, rules=by_file(three_callers(tmp_path))) as api:
        for name in ("orders", "payroll"):
            await api.call("PUT", f"/collections/{name}", {}, **bearer(OPERATOR))
        headers = bearer(ORDERS)
        async with api.session.get(f"{api.url}{NEW}", headers=headers) as reply:
            text = await reply.text()
            assert ("default/orders" in text, "payroll" in text) == (True, False)
        form = {**filled_form(text), "name": "x", "collection": "default/payroll", URI: "https://api.test"}
        async with api.session.post(f"{api.url}{NEW}", data=_flat(form), headers=headers) as reply:
            assert (reply.status, "collection payroll does not exist" in await reply.text()) == (400, True)
        [_, jobs] = await api.stored()
        assert jobs == [[], []]


async def test_a_form_that_no_page_of_ours_sent_is_refused(api: Api) -> None:
    async with api.session.post(f"{api.url}{NEW}", data={"base": "{", "name": "x"}) as reply:
        assert (reply.status, "open it again" in await reply.text()) == (400, True)


def _flat(form: Mapping[str, str | list[str]]) -> list[tuple[str, str]]:
    return [(name, text) for name, given in form.items() for text in ([given] if isinstance(given, str) else given)]
