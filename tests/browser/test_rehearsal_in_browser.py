"""A rehearsal in a real browser: from the form over what it would do to its page, and off again."""

from playwright.async_api import Browser, expect

from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.browser import Look, grave_faults, looking, overflow, shoot
from tests.parts.fakes_api import a_job, every, running_api

HOSTS = tuple(
    HostReport(host=name, condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
    for name in ("db-0", "db-1")
)


async def test_an_event_is_rehearsed_from_form_to_end(browser: Browser, look: Look) -> None:
    async with running_api(*HOSTS) as api, looking(browser, look) as page:
        await api.call("PUT", "/collections/demo", {})
        job = a_job(recurrence=every(5), placement={"host": "db-0", "pool": "db"})
        await api.call("PUT", "/collections/demo/jobs/one", job)
        await page.goto(f"{api.url}/portal/rehearse")
        await page.get_by_label("Hosts").fill("db-0")
        await page.get_by_role("button", name="See what it would do").click()
        await expect(page.locator("#foresight")).to_contain_text("1 would move to its pool")
        assert await grave_faults(page) == []
        assert await overflow(page) <= 0
        await shoot(page, "rehearse", look)
        await page.get_by_role("button", name="Announce the rehearsal").click()
        await expect(page.get_by_text("Never approved")).to_be_visible()
        await shoot(page, "rehearsal-on", look)
        await page.get_by_role("button", name="Cancel the rehearsal").click()
        await expect(page.get_by_text("Cancelled: nothing happened")).to_be_visible()
        assert await grave_faults(page) == []
        assert await overflow(page) <= 0
