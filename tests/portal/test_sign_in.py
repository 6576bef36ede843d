"""Signing in to the page with a token, and what the session's cookie is good for."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession, CookieJar

from services.scheduler.access.access import AccessRules
from services.scheduler.access.sessions import IDLE, LENGTH, RENEWED_AFTER
from services.scheduler.api.authentication import FAILURES, FORM_TOKEN_HEADER
from services.scheduler.api.cookies import PLAIN, SECURE
from tests.parts.fakes_api import HOME, NOON, Api, HandClock, running_api
from tests.parts.issuer import AUDIENCE, Issuer
from tests.parts.tokens import OPERATOR, READER, bearer, by_file, change, line, three_callers


class Browser:
    """Follows no redirect by itself, keeps cookies, and says where its forms come from, as browsers do."""

    def __init__(self, api: Api, session: ClientSession) -> None:
        self.api = api
        self.session = session
        self.headers: Mapping[str, str] = {}
        self.text = ""

    async def open(self, path: str, **headers: str) -> int:
        return await self._ask("GET", path, headers=headers)

    async def send(
        self, path: str, *, origin: str | None = "own", headers: dict[str, str] | None = None, **form: str
    ) -> int:
        sent = dict(headers or {})
        if origin is not None:
            sent["Origin"] = self.api.url if origin == "own" else origin
        return await self._ask("POST", path, data=form or None, headers=sent)

    async def sign_in(self, token: str = OPERATOR) -> int:
        return await self.send("/sign-in", token=token)

    async def form_token(self) -> str:
        await self.open("/")
        found = re.search(r'name="csrf" value="(\w+)"', self.text)
        assert found is not None
        return found[1]

    @property
    def cookies(self) -> list[str]:
        return [cookie.value for cookie in self.session.cookie_jar]

    async def _ask(self, method: str, path: str, **more: object) -> int:
        url = f"{self.api.url}{path}"
        async with self.session.request(method, url, allow_redirects=False, **more) as reply:  # type: ignore[arg-type]
            self.headers, self.text = reply.headers, await reply.text()
            return reply.status


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return three_callers(tmp_path)


@pytest.fixture
async def browser(file: Path) -> AsyncIterator[Browser]:
    async with running_api(rules=by_file(file)) as api, ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield Browser(api, session)


def turn(browser: Browser, by: timedelta) -> None:
    clock = browser.api.services.clock
    assert isinstance(clock, HandClock)
    clock.turn(by)


async def test_the_page_sends_strangers_to_sign_in_and_nothing_else_is_shown(browser: Browser) -> None:
    assert (await browser.open("/"), browser.headers["Location"]) == (303, "sign-in")
    assert await browser.open("/", **{"HX-Request": "true"}) == 401
    assert await browser.open("/sign-in") == 200
    assert 'type="password"' in browser.text
    assert "frame-ancestors 'none'" in browser.headers["Content-Security-Policy"]
    assert await browser.open("/portal/static/portal.css") == 200
    assert await browser.open("/portal/static/../page.html") == 401


async def test_sign_in_leads_back_to_the_page_that_was_asked_for(browser: Browser) -> None:
    assert await browser.open("/portal/jobs/default/ops/nightly?x=1") == 303
    assert browser.headers["Location"] == "../../../../sign-in?onward=portal/jobs/default/ops/nightly?x%3D1"
    await browser.open("/sign-in?onward=portal/jobs/default/ops/nightly%3Fx%3D1")
    assert 'name="onward" value="portal/jobs/default/ops/nightly?x=1"' in browser.text
    await browser.send("/sign-in", token=OPERATOR, onward="portal/jobs/default/ops/nightly?x=1")
    assert browser.headers["Location"] == "portal/jobs/default/ops/nightly?x=1"


@pytest.mark.parametrize(
    "place",
    [
        "https://elsewhere.example/",
        "//elsewhere.example",
        "portal/../api/v1/hosts",
        "portal/%2e%2E/api/v1/hosts",
        "portal/.%2e/sign-out",
        "portal/\\elsewhere",
        "api",
    ],
)
async def test_sign_in_leads_nowhere_else(browser: Browser, place: str) -> None:
    assert await browser.open(f"/sign-in?{urlencode({'onward': place})}") == 200
    assert 'name="onward"' not in browser.text
    assert (await browser.send("/sign-in", token=OPERATOR, onward=place), browser.headers["Location"]) == (303, "./")


async def test_a_token_opens_the_page_the_api_and_the_stream(browser: Browser) -> None:
    assert (await browser.sign_in(f" {READER}\n"), browser.headers["Location"]) == (303, "./")
    assert await browser.open("/") == 200
    assert ">viewer</span>" in browser.text
    assert "Sign out" in browser.text
    assert await browser.open("/api/v1/collections") == 200
    async with browser.session.get(f"{browser.api.url}/api/v1/stream") as stream:
        assert (stream.status, await stream.content.readline()) == (200, b": heartbeat\n")


async def test_the_cookie_is_out_of_reach_and_says_nothing(browser: Browser) -> None:
    await browser.sign_in()
    header = browser.headers["Set-Cookie"]
    assert header.startswith(f"{PLAIN}=")
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(header.split("; "))
    assert "Domain" not in header
    assert OPERATOR not in header
    assert "ops" not in header


async def test_behind_a_proxy_that_ends_tls_the_cookie_is_for_tls_only(browser: Browser) -> None:
    https = browser.api.url.replace("http://", "https://")
    await browser.send("/sign-in", origin=https, token=OPERATOR)
    header = browser.headers["Set-Cookie"]
    assert header.startswith(f"{SECURE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Strict"} <= set(header.split("; "))


async def test_a_wrong_token_is_told_and_begins_nothing(browser: Browser) -> None:
    for token in ("wrong", "", "<script>"):
        assert await browser.sign_in(token) == 401
        assert "This token is not accepted" in browser.text
        assert "<script>" not in browser.text
    assert browser.cookies == []
    assert await browser.send("/sign-in") == 401


async def test_many_wrong_tokens_are_cut_short(browser: Browser) -> None:
    for _ in range(FAILURES):
        await browser.sign_in("wrong")
    assert await browser.sign_in("wrong") == 429
    assert "Wait a minute" in browser.text
    assert await browser.sign_in(OPERATOR) == 303


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example"])
async def test_a_foreign_page_signs_nobody_in_or_out(browser: Browser, origin: str | None) -> None:
    assert await browser.send("/sign-in", origin=origin, token=OPERATOR) == 403
    await browser.sign_in()
    token = await browser.form_token()
    assert await browser.send("/sign-out", origin=origin, csrf=token) == 403
    assert await browser.open("/") == 200


async def test_a_change_by_cookie_takes_the_sessions_own_form_token(browser: Browser) -> None:
    await browser.sign_in()
    token = await browser.form_token()
    run = "/api/v1/collections/demo/jobs/none/run"
    assert await browser.send(run) == 403
    assert await browser.send(run, headers={FORM_TOKEN_HEADER: "0" * 64}) == 403
    assert await browser.send(run, headers={FORM_TOKEN_HEADER: token}) == 404
    assert await browser.send(run, headers={FORM_TOKEN_HEADER: token}, origin=None) == 403
    async with browser.session.put(f"{browser.api.url}/api/v1/collections/demo", json={}) as reply:
        assert reply.status == 403


async def test_signing_out_ends_the_session_for_kept_cookies_too(browser: Browser) -> None:
    await browser.sign_in()
    [kept] = browser.cookies
    token = await browser.form_token()
    assert (await browser.send("/sign-out", csrf=token), browser.headers["Location"]) == (303, "sign-in")
    assert await browser.open("/") == 303
    cookie = {"Cookie": f"{PLAIN}={kept}"}
    assert (await browser.api.call("GET", "/collections", **cookie)).status == 401


async def test_a_session_ends_with_its_token(browser: Browser, file: Path) -> None:
    await browser.sign_in(READER)
    await change(browser.api.services.access, file, line("viewer", READER))
    assert await browser.open("/") == 200
    assert 'title="operator"' in browser.text
    await change(browser.api.services.access, file, "")
    assert await browser.open("/") == 303


async def test_an_idle_session_ends_and_a_used_one_goes_on_for_half_a_day_at_most(browser: Browser) -> None:
    await browser.sign_in()
    for _ in range(LENGTH // (IDLE / 2) - 1):
        turn(browser, IDLE / 2)
        assert await browser.open("/") == 200
    turn(browser, IDLE / 2)
    assert await browser.open("/") == 303
    await browser.sign_in()
    turn(browser, IDLE)
    assert await browser.open("/") == 303


async def test_the_cookie_is_written_anew_from_time_to_time_only(browser: Browser) -> None:
    await browser.sign_in()
    await browser.open("/")
    assert "Set-Cookie" not in browser.headers
    turn(browser, RENEWED_AFTER)
    await browser.open("/")
    assert "HttpOnly" in browser.headers["Set-Cookie"]


async def test_a_forged_cookie_opens_nothing(browser: Browser) -> None:
    await browser.sign_in()
    [cookie] = browser.cookies
    for forged in ("", "own.", f"{cookie[:-2]}AA", cookie.replace("own.", "other."), "own." + "A" * 4000):
        reply = await browser.api.call("GET", "/collections", Cookie=f"{PLAIN}={forged}")
        assert reply.status == 401, forged


async def test_a_wrong_token_is_not_made_good_by_a_cookie(browser: Browser) -> None:
    await browser.sign_in()
    [cookie] = browser.cookies
    reply = await browser.api.call("GET", "/collections", Cookie=f"{PLAIN}={cookie}", **bearer("wrong"))
    assert reply.status == 401


async def test_a_token_of_the_issuer_signs_in_until_it_ends() -> None:
    async with Issuer(NOON).running() as issuer:
        issuer.add_key("one")
        rules = AccessRules(home=HOME, issuer=issuer.url, audiences=(AUDIENCE,))
        async with running_api(rules=rules) as api, ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
            browser = Browser(api, session)
            token = issuer.token("one", exp=NOON + timedelta(minutes=10), preferred_username="ann")
            assert await browser.sign_in(token) == 303
            assert await browser.open("/") == 200
            assert "oidc:7f3a (ann)" in browser.text
            turn(browser, timedelta(minutes=10, seconds=30))
            assert await browser.open("/") == 303


async def test_without_authentication_nothing_of_it_is_there() -> None:
    async with running_api() as api, api.session.get(api.url) as page:
        assert (page.status, "Sign out" in await page.text()) == (200, False)
        assert (await api.call("GET", f"{api.url}/sign-in")).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded; charset=none-such"},
        {"Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
async def test_what_is_no_form_is_refused_and_no_fault_of_ours(browser: Browser, headers: dict[str, str]) -> None:
    sent, url = {**headers, "Origin": browser.api.url}, f"{browser.api.url}/sign-in"
    async with browser.session.post(url, data=b"token=%ff\xff", headers=sent) as reply:
        assert reply.status in (400, 401)
