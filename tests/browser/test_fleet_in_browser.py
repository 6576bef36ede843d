"""Hosts, events and health in a real browser: good to look at, and steered without anything but a form."""

import pytest
from playwright.async_api import Browser, expect

from services.scheduler.portal.ports import Line
from tests.parts.browser import Look, grave_faults, looking, overflow, shoot
from tests.parts.fakes_api import Api, running_api
from tests.parts.fleet_scene import HOSTS, set_scene

PAGES = {
    "hosts": "/portal/hosts",
    "host": "/portal/hosts/db-0",
    "events": "/portal/events",
    "event": "/portal/events/E-LIVE",
    "health": "/portal/health",
    "audit": "/portal/health/audit",
}


def _worry(api: Api) -> None:
    """Have the broker away for long, and a defect met."""
    api.replica.metrics.duty_failures.labels("steward").inc()
    api.replica.metrics.bus_connected.set(0)
    api.replica.line = Line(broker="mqtts://broker:8883", is_connected=False, problems={"broker": "refused"})
    api.replica.concerns()


@pytest.mark.parametrize("name", PAGES)
async def test_it_is_readable_by_all_at_every_size(browser: Browser, look: Look, name: str) -> None:
    async with running_api(*HOSTS) as api, looking(browser, look) as page:
        await set_scene(api)
        _worry(api)
        await page.goto(f"{api.url}{PAGES[name]}")
        await expect(page.locator("#connection")).to_have_text("Live")
        await page.locator("main").evaluate("main => main.querySelector('details')?.setAttribute('open', '')")
        assert await grave_faults(page) == []
        assert await overflow(page) <= 0
        assert (await shoot(page, name, look)).stat().st_size > 0


async def test_a_host_is_cordoned_with_a_reason_and_released_where_it_stands(browser: Browser) -> None:
    async with running_api(*HOSTS) as api, looking(browser) as page:
        await page.goto(f"{api.url}/portal/hosts?pool=db")
        line = page.locator("#host-db-1")
        await line.get_by_text("Cordon…").click()
        await line.get_by_label("Why").fill("new disks")
        await line.get_by_label("How long").select_option("for an hour")
        await line.get_by_role("button", name="Keep jobs off").click()
        await expect(page.get_by_role("status").filter(has_text="The host is cordoned")).to_be_visible()
        await expect(line).to_contain_text("new disks")
        assert page.url.endswith("/portal/hosts?pool=db&notice=cordoned")
        await page.get_by_role("link", name="db-1", exact=True).click()
        await page.get_by_role("button", name="Release").click()
        await expect(page.get_by_text("The cordon is lifted.")).to_be_visible()
        assert page.url.endswith("/portal/hosts/db-1?notice=released")
        assert await api.services.store.list_cordons() == []


async def test_past_events_are_narrowed_as_one_chooses(browser: Browser) -> None:
    async with running_api(*HOSTS) as api, looking(browser) as page:
        await set_scene(api)
        await page.goto(f"{api.url}/portal/events")
        rows = page.locator("#found tbody").first.locator("tr")
        await expect(rows).to_have_count(3)
        await page.get_by_label("Outcome").select_option("cancelled")
        await expect(rows).to_have_count(1)
        await page.get_by_role("link", name="take this filter off").click()
        await expect(rows).to_have_count(3)
        await rows.first.get_by_role("link", name="Reboot").click()
        await expect(page.get_by_text("Approved by scheduler-0")).to_be_visible()
