"""The frame of every page in a real browser: it keeps itself fresh, says when it cannot, and is good to look at."""

from msgspec.structs import replace
from playwright.async_api import Browser, expect

from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.feed import Update
from tests.parts.browser import Look, grave_faults, looking, overflow, shoot
from tests.parts.fakes_api import NOON, Api, running_api

HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))


def happen(api: Api) -> None:
    """Have the stream say that something changed."""
    api.services.feed.publish(Update(kind="job", at=NOON, summary="something happened"))


async def test_a_page_shows_what_changed_by_itself(browser: Browser) -> None:
    async with running_api(HOST) as api, looking(browser) as page:
        await page.goto(api.url)
        await expect(page.locator("#connection")).to_have_text("Live")
        await api.call("POST", "/hosts/db-0/cordon", {"reason": "new disks"})
        happen(api)
        await expect(page.get_by_role("heading", name="No events, 1 host out of service")).to_be_visible()
        await expect(page.get_by_role("link", name="db-0 cordoned")).to_be_visible()


async def test_a_page_says_when_it_is_stale(browser: Browser) -> None:
    async with looking(
        browser, expected=("Failed to load resource", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE")
    ) as page:
        async with running_api(HOST) as api:
            await page.goto(api.url)
            await expect(page.locator("#connection")).to_have_text("Live")
        await expect(page.locator("#connection")).to_contain_text("Not connected, as of")
        await expect(page.get_by_text("db-0").first).to_be_visible()


async def test_what_the_viewer_opened_and_typed_survives_a_change(browser: Browser) -> None:
    async with running_api(HOST, replace(HOST, host="db-1")) as api, looking(browser) as page:
        await page.goto(f"{api.url}/portal/hosts")
        line = page.locator("#host-db-0")
        await line.get_by_text("Cordon…").click()
        await line.get_by_label("Why").fill("new disks")
        await api.call("POST", "/hosts/db-1/cordon", {"reason": "old disks"})
        happen(api)
        await expect(page.locator("#host-db-1")).to_contain_text("old disks")
        await expect(line.get_by_label("Why")).to_have_value("new disks")
        await expect(line.get_by_label("Why")).to_be_focused()


async def test_it_is_readable_by_all_at_every_size(browser: Browser, look: Look) -> None:
    async with running_api(HOST) as api, looking(browser, look) as page:
        await page.goto(api.url)
        await expect(page.locator("#connection")).to_have_text("Live")
        assert await grave_faults(page) == []
        assert await overflow(page) <= 0
        assert (await shoot(page, "overview-calm", look)).stat().st_size > 0
