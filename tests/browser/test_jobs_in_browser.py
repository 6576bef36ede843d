"""Jobs and collections in a real browser: found as one types, looked at, run, switched and deleted."""

import re

from playwright.async_api import Browser, expect

from services.scheduler.feed import Update
from tests.parts.browser import Look, grave_faults, looking, overflow, shoot
from tests.parts.fakes_api import NOON, Api, running_api
from tests.parts.jobs_scene import HOSTS, JOB, set_scene

PAGES = {
    "jobs": "/portal/jobs",
    "jobs-found": "/portal/jobs?q=report&state=disabled&tag=team%3Dbi&sort=-last",
    "job": JOB,
    "job-delete": f"{JOB}/delete",
    "collections": "/portal/collections",
    "collection": "/portal/collections/default/ops",
    "collection-edit": "/portal/collections/default/ops/edit",
    "collection-delete": "/portal/collections/default/ops/delete",
}
REFUSED = ("Failed to load resource",)


def happen(api: Api) -> None:
    """Have the stream say that something changed."""
    api.services.feed.publish(Update(kind="job", at=NOON, summary="something happened"))


async def test_they_are_readable_by_all_at_every_size(browser: Browser, look: Look) -> None:
    async with running_api(*HOSTS) as api, looking(browser, look) as page:
        await set_scene(api)
        for name, path in PAGES.items():
            await page.goto(f"{api.url}{path}")
            for box in await page.locator("#document summary, #commands summary, .story summary >> nth=0").all():
                await box.click()
            assert await grave_faults(page) == [], name
            assert await overflow(page) <= 0, name
            assert (await shoot(page, name, look)).stat().st_size > 0


async def test_jobs_are_found_as_one_types_and_stay_found(browser: Browser) -> None:
    async with running_api(*HOSTS) as api, looking(browser, expected=REFUSED) as page:
        await set_scene(api)
        await page.goto(f"{api.url}/portal/jobs")
        await page.get_by_label("Search").press_sequentially("report-")
        await expect(page.locator("table.jobs tbody tr")).to_have_count(6)
        await page.get_by_label("State").select_option("disabled")
        await expect(page.locator("table.jobs tbody tr")).to_have_count(2)
        await expect(page).to_have_url(re.compile(r"/portal/jobs\?q=report-&state=disabled$"))
        await api.call("POST", "/collections/reports/jobs/report-1/disable", {})
        happen(api)
        await expect(page.locator("table.jobs tbody tr")).to_have_count(3)
        await expect(page.get_by_label("Search")).to_have_value("report-")
        await page.get_by_label("Search").fill("a b c d e f g h i j k")
        await expect(page.get_by_text("Has more than 10 words; write fewer.")).to_be_visible()
        await page.get_by_label("Search").fill("nothing")
        await expect(page.get_by_text("No job fits.")).to_be_visible()
        await page.get_by_role("link", name="“nothing”").click()
        await expect(page.locator("table.jobs tbody tr")).to_have_count(4)
        await page.get_by_role("link", name="Last run").click()
        await expect(page.locator("th[aria-sort=descending]")).to_have_text("Last run")


async def test_a_list_is_searched_without_scripts(browser: Browser) -> None:
    async with running_api(*HOSTS) as api:
        await set_scene(api)
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{api.url}/portal/jobs")
        await page.get_by_label("Search").fill("nightly")
        await page.get_by_role("button", name="Find").click()
        await expect(page.locator("table.jobs tbody tr")).to_have_count(1)
        await page.get_by_role("button", name="Run nightly-backup").click()
        await expect(page.get_by_text("The job was asked to run")).to_be_visible()
        await expect(page.get_by_label("Search")).to_have_value("nightly")
        await context.close()


async def test_a_job_is_run_switched_and_deleted(browser: Browser) -> None:
    async with running_api(*HOSTS) as api, looking(browser) as page:
        await set_scene(api)
        await page.goto(f"{api.url}{JOB}")
        await page.get_by_role("button", name="Run now").click()
        await expect(page.locator("#connection")).to_have_text("Live")
        await expect(page.get_by_text("The job was asked to run")).to_be_visible()
        await page.get_by_role("button", name="Disable").click()
        await expect(page.get_by_text("Nothing, while it is disabled.")).to_be_visible()
        await page.get_by_role("button", name="Enable").click()
        await expect(page.get_by_text("The job is enabled")).to_be_visible()
        await page.get_by_role("link", name="Delete…").click()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_text("The job is deleted")).to_be_visible()
        await expect(page.locator("table.jobs tbody tr")).to_have_count(7)
        assert (await api.call("GET", "/collections/ops/jobs/nightly-backup")).status == 404


async def test_an_answer_is_opened_stays_open_and_is_copied(browser: Browser) -> None:
    async with running_api(*HOSTS) as api, looking(browser) as page:
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await set_scene(api)
        await page.goto(f"{api.url}{JOB}")
        answer = page.locator(".story tbody").nth(3)
        await answer.locator("summary").click()
        await api.call("PATCH", "/collections/ops/jobs/nightly-backup", {"tags": {"team": "changed"}})
        happen(api)
        await expect(page.get_by_role("link", name="team=changed")).to_be_visible()
        await answer.get_by_role("button", name="Copy the answer").click()
        await expect(answer.get_by_text("Copied")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == "200 OK\nbacked up 312 tables"


async def test_a_collection_is_made_changed_and_deleted(browser: Browser) -> None:
    async with running_api(*HOSTS) as api, looking(browser, expected=REFUSED) as page:
        await page.goto(f"{api.url}/portal/collections")
        await page.get_by_role("link", name="New collection").click()
        await page.get_by_label("Name").fill("sales")
        await page.get_by_label("Jobs at most").fill("0")
        await page.get_by_role("button", name="Create").click()
        await expect(page.get_by_role("alert")).to_contain_text("quota.maxJobCount: must be 1 to")
        await page.get_by_label("Jobs at most").fill("5")
        await page.get_by_role("button", name="Create").click()
        await expect(page.get_by_text("The collection is saved.")).to_be_visible()
        await page.get_by_role("button", name="Close").click()
        await expect(page.get_by_text("The collection is closed")).to_be_visible()
        await page.get_by_role("link", name="Delete…").click()
        await page.get_by_role("button", name="Delete for good").click()
        await expect(page.get_by_text("The collection is deleted")).to_be_visible()
        assert (await api.call("GET", "/collections/sales")).status == 404
