"""The overview in a real browser: the weather lies where its times say, and keeps itself fresh."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.feed import Update
from tests.parts.browser import LOOKS, Look, grave_faults, looking, overflow, shoot
from tests.parts.fakes_api import NOON, Api, running_api
from tests.parts.site import Site
from tests.parts.stormy import EVENTS, stormy_api

CONDITIONS = tuple(HostCondition)
WIDE = LOOKS[0]


def many_hosts(number: int) -> list[HostReport]:
    """Return a large fleet in which every condition occurs."""
    return [
        HostReport(
            host=f"vm-{each:03}",
            condition=CONDITIONS[each % 40] if each % 40 < len(CONDITIONS) else HostCondition.AVAILABLE,
            watcher="offline" if each % 70 == 69 else "online",
            pools=(f"pool-{each % 5}",),
        )
        for each in range(number)
    ]


async def left_edge(place: Locator) -> float:
    """Return where on the page an element begins, in pixels."""
    box = await place.bounding_box()
    assert box is not None
    return box["x"]


def row_of(page: Page, host: str) -> Locator:
    """Return a host's row of the weather."""
    return page.locator(f'.row:has(.row-head [title="{host}"])')


async def live(page: Page, url: str) -> None:
    """Open a page and wait until it follows what happens."""
    await page.goto(url)
    await expect(page.locator("#connection")).to_have_text("Live")


def happen(api: Api) -> None:
    """Have the stream say that something changed."""
    api.services.feed.publish(Update(kind="event", at=NOON, summary="something happened"))


async def test_a_stormy_day_is_readable_by_all_at_every_size(browser: Browser, look: Look) -> None:
    async with stormy_api() as api, looking(browser, look) as page:
        await live(page, api.url)
        await page.get_by_text("What the signs mean").click()
        await expect(page.get_by_text("NotBefore: no earlier, unless approved")).to_be_visible()
        assert await grave_faults(page) == []
        assert await overflow(page) <= 0
        await page.evaluate("scrollTo(0, 0)")
        assert (await shoot(page, "overview-stormy", look)).stat().st_size > 0


async def test_a_large_fleet_fits_on_one_screen(browser: Browser) -> None:
    async with running_api(*many_hosts(300)) as api, looking(browser) as page:
        await live(page, api.url)
        strip = await page.locator(".strip").bounding_box()
        assert strip is not None
        assert strip["height"] < WIDE.size["height"]
        assert await grave_faults(page) == []
        await shoot(page, "overview-large", WIDE)


async def test_signs_lie_where_their_times_are_on_the_axis(browser: Browser) -> None:
    async with stormy_api() as api, looking(browser) as page:
        await live(page, api.url)
        noon = await left_edge(page.locator(".axis time", has_text="12:00").last)
        assert abs(await left_edge(page.locator(".sky-row .now").first) - noon) < 2
        row = row_of(page, "db-0")
        bar = await row.locator(".bar-notice").bounding_box()
        assert bar is not None
        assert bar["x"] < noon < bar["x"] + bar["width"]
        assert abs(bar["x"] + bar["width"] - await left_edge(row.locator(".bar-expected"))) < 3


async def test_a_bar_tells_of_its_event_and_leads_to_it(browser: Browser) -> None:
    async with stormy_api() as api, looking(browser) as page:
        await live(page, api.url)
        bar = row_of(page, "db-1").locator(".bar-interruption")
        assert await bar.locator("title").text_content() == "Redeploy, interruption from 11:22:00 UTC to 11:27:00 UTC"
        link = bar.locator("xpath=..")
        assert await link.get_attribute("href") == "portal/events/E-DONE"


async def test_a_new_event_is_drawn_by_itself_at_the_zoom_that_was_chosen(browser: Browser) -> None:
    host = HostReport(host="db-0", condition=HostCondition.CORDONED, watcher="online", pools=("db",))
    async with running_api(host) as api, looking(browser) as page:
        await live(page, api.url)
        await page.get_by_role("link", name="10 minutes back, 10 ahead").click()
        await expect(page.locator("#connection")).to_have_text("Live")
        await api.services.store.put_event(EVENTS[0])
        happen(api)
        await expect(page.get_by_role("heading", name="1 event in the fleet")).to_be_visible()
        await expect(page.locator(".sky-row .bar-notice")).to_be_visible()
        await expect(page.locator(".axis .columns-of-time time")).to_have_count(11)


async def test_when_stale_the_weather_still_says_of_when_it_is(browser: Browser) -> None:
    noise = ("Failed to load resource", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE")
    async with looking(browser, expected=noise) as page:
        async with stormy_api() as api:
            await live(page, api.url)
        await expect(page.locator("#connection")).to_contain_text("Not connected, as of")
        await expect(page.locator(".axis .row-head time")).to_have_attribute("datetime", NOON.isoformat())
        await shoot(page, "overview-stale", WIDE)


async def test_a_reader_hears_each_row_as_a_sentence(browser: Browser) -> None:
    async with stormy_api() as api, looking(browser) as page:
        await live(page, api.url)
        heard = await page.locator("#weather").aria_snapshot()
    assert "interrupted; Freeze, announced 11:44:00 UTC" in heard
    assert "img" not in heard


@pytest.mark.system
@pytest.mark.timeout(90)
async def test_an_event_passes_over_a_real_site_before_the_viewers_eyes(browser: Browser, tmp_path: Path) -> None:
    site = Site(tmp_path, hosts=("db-0", "db-1"), settings={})
    async with site.running(), looking(browser) as page:
        await site.create_job("tick", "/tick", placement={"host": "db-0", "pool": "db"})
        await live(page, f"http://127.0.0.1:{site.api_port}/?zoom=10m")
        await expect(page.get_by_role("heading", name="All calm")).to_be_visible()
        await expect(row_of(page, "db-0").locator("path.quiet")).not_to_have_count(0)
        event_id = await site.raise_event("Reboot", "db-0")
        await expect(page.get_by_role("heading", name="1 event in the fleet")).to_be_visible()
        await expect(row_of(page, "db-0").locator(".sign.approved")).to_be_visible(timeout=20_000)
        await expect(row_of(page, "db-1").locator(".sign.moved").first).to_be_visible()
        await expect(page.get_by_role("heading", name="All calm")).to_be_visible(timeout=20_000)
        bar = page.locator(f'.row a[href$="{event_id}"] .bar-interruption')
        await expect(bar).to_be_visible()
        await shoot(page, "overview-after-an-event", WIDE)


async def test_before_anything_is_there_the_page_says_what_to_do(browser: Browser) -> None:
    phone = LOOKS[-1]
    async with running_api() as api, looking(browser, phone) as page:
        await live(page, api.url)
        await expect(page.get_by_role("link", name="Make the first one")).to_be_visible()
        assert await grave_faults(page) == []
        assert await overflow(page) <= 0
        await shoot(page, "overview-empty", phone)
