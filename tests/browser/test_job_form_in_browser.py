"""The form of jobs in a real browser: filled in, seen before it is saved, edited, cloned; by hand and by keyboard."""

from playwright.async_api import Browser, Page, expect

from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.browser import Look, grave_faults, looking, overflow, shoot
from tests.parts.fakes_api import Api, running_api

HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
URI = "#f-action-request-uri"
REFUSED = ("Failed to load resource",)
"""What a browser notes of a form that was refused with 400."""


async def fill(page: Page, api: Api) -> None:
    """Fill the form in for a report on Sundays, at a time that the clocks of Berlin once skip."""
    await page.goto(f"{api.url}/portal/jobs/new?collection=ops")
    await page.locator("#f-name").fill("report")
    await page.locator(URI).fill("http://{host}/report")
    await page.get_by_label("Unit").select_option("week")
    await page.get_by_label("Sunday").check()
    await page.get_by_label("Hours").fill("2")
    await page.get_by_label("Minutes").fill("30")
    await page.get_by_label("Time zone").fill("Europe/Berlin")
    await page.locator("#f-placement-pool").fill("db")


async def test_a_job_is_seen_before_it_is_saved_then_edited_and_cloned(browser: Browser) -> None:
    async with running_api(HOST) as api, looking(browser) as page:
        await api.call("PUT", "/collections/ops", {})
        await fill(page, api)
        await expect(page.locator("#preview")).to_contain_text("Every week on Sunday at 02:30, Europe/Berlin")
        await expect(page.locator("#preview")).to_contain_text("2026-03-29: the clocks of Europe/Berlin skip 02:30")
        await expect(page.locator("#dues tbody tr")).to_have_count(10)
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page).to_have_url(f"{api.url}/portal/jobs/default/ops/report?notice=created")
        await page.get_by_role("link", name="Edit").first.click()
        await page.get_by_label("Monday").check()
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page).to_have_url(f"{api.url}/portal/jobs/default/ops/report?notice=saved")
        await page.get_by_role("link", name="Clone").click()
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page).to_have_url(f"{api.url}/portal/jobs/default/ops/report-copy?notice=created")
        copy = (await api.call("GET", "/collections/ops/jobs/report-copy")).document
        assert copy["recurrence"]["schedule"]["weekDays"] == ["monday", "sunday"]
        assert copy["placement"] == {"pool": "db"}


async def test_only_what_belongs_to_the_choice_is_there(browser: Browser) -> None:
    async with running_api(HOST) as api, looking(browser) as page:
        await api.call("PUT", "/collections/ops", {})
        await page.goto(f"{api.url}/portal/jobs/new?collection=ops")
        await page.locator(URI).fill("https://api.test/")
        await page.get_by_label("It sends", exact=True).select_option("Mqtt")
        await expect(page.locator(URI)).to_be_hidden()
        await page.locator("#f-action-mqttMessage-topic").fill("plant/1")
        await page.get_by_text("The same as JSON").click()
        await expect(page.locator("#the-json")).to_contain_text('"mqttMessage"')
        await page.get_by_label("It sends", exact=True).select_option("Http")
        await expect(page.locator(URI)).to_have_value("https://api.test/")
        await expect(page.locator("#the-json")).not_to_contain_text("mqttMessage")
        assert await page.locator("details#as-json").get_attribute("open") is not None


async def test_a_fault_stands_where_it_was_typed(browser: Browser) -> None:
    async with running_api(HOST) as api, looking(browser, expected=REFUSED) as page:
        await api.call("PUT", "/collections/ops", {})
        await page.goto(f"{api.url}/portal/jobs/new?collection=ops")
        await page.get_by_label("Every").fill("often")
        await expect(page.locator("#f-recurrence-interval-fault")).to_have_text("'often' is no whole number")
        await expect(page.locator(f"{URI}-fault")).to_be_hidden()
        await page.get_by_role("button", name="Create", exact=True).click()
        await expect(page.locator("#faults")).to_be_focused()
        await page.locator("#faults").get_by_role("link", name="Every").click()
        await expect(page.get_by_label("Every")).to_be_focused()
        await page.get_by_label("Every").fill("2")
        await expect(page.locator("#f-recurrence-interval-fault")).to_be_hidden()
        assert await page.get_by_label("Every").get_attribute("aria-invalid") is None


async def test_the_keyboard_alone_makes_a_job(browser: Browser) -> None:
    async with running_api(HOST) as api, looking(browser) as page:
        await api.call("PUT", "/collections/ops", {})
        await page.goto(f"{api.url}/portal/jobs/new?collection=ops")
        await page.locator("#f-name").focus()
        await page.keyboard.type("tick")
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.id") == URI.removeprefix("#"):
                break
        await page.keyboard.type("https://api.test/tick")
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{api.url}/portal/jobs/default/ops/tick?notice=created")
        assert (await api.call("GET", "/collections/ops/jobs/tick")).status == 200


async def test_it_is_good_to_use_at_every_size(browser: Browser, look: Look) -> None:
    async with running_api(HOST) as api, looking(browser, look, expected=REFUSED) as page:
        await api.call("PUT", "/collections/ops", {})
        await fill(page, api)
        await page.get_by_label("Time limit").fill("soon")
        await expect(page.locator("#f-timeout-fault")).to_contain_text("is not a duration")
        await page.get_by_text("The same on the command line").click()
        assert await overflow(page) <= 0
        await page.evaluate("scrollTo(0, 0)")
        await shoot(page, "job-form", look)
        await page.get_by_role("button", name="Check").click()
        await expect(page.locator("#faults")).to_be_visible()
        assert await grave_faults(page) == []
        assert (await shoot(page, "job-form-refused", look)).stat().st_size > 0
