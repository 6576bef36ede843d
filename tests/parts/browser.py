"""Real pages in a real Chromium: at two sizes, in both themes, judged by axe, kept as pictures in build/screenshots."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path

import msgspec
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize, async_playwright, expect

ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "build/screenshots"
AXE = ROOT / ".tools/axe/node_modules/axe-core/axe.min.js"
_PATIENCE_MS = 10_000
_GRAVE = ("serious", "critical")


class Theme(StrEnum):
    """What the viewer's system asks for."""

    LIGHT = "light"
    DARK = "dark"


class Look(msgspec.Struct, frozen=True):
    """How a page is looked at."""

    name: str
    size: ViewportSize
    theme: Theme

    @property
    def is_narrow(self) -> bool:
        """Whether it is a phone's screen."""
        return self.size["width"] < 600


WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
LOOKS = tuple(
    Look(f"{name}-{theme}", size, theme) for name, size in (("wide", WIDE), ("phone", PHONE)) for theme in Theme
)


def chromium_path() -> str:
    """Return where Debian's Chromium is. Raises AssertionError, which says what to do."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "No Chromium: apt-get install chromium"
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run a Chromium without a window."""
    expect.set_options(timeout=_PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def looking(browser: Browser, look: Look = LOOKS[0], *, expected: Sequence[str] = ()) -> AsyncIterator[Page]:
    """Open a page as a new visitor.

    At the end nothing may stand in its console but what is `expected`: no error, nothing that its policy (CSP) refused.
    """
    context = await browser.new_context(viewport=look.size, color_scheme=look.theme.value)
    page = await context.new_page()
    page.set_default_timeout(_PATIENCE_MS)
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(text in message.text for text in expected):
            complaints.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert complaints == [], complaints


async def shoot(page: Page, name: str, look: Look) -> Path:
    """Keep a picture of the whole page as `name` with its look; CI keeps the folder."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"{name}-{look.name}.png"
    await page.screenshot(path=path, full_page=True)
    return path


async def grave_faults(page: Page) -> list[str]:
    """Return what axe finds serious or critical, each with the elements concerned."""
    assert AXE.exists(), "No axe: make setup"
    # Through the debugger, not as a script of the page: its policy lets no foreign script in.
    await page.evaluate(AXE.read_text())
    result = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in result["violations"]
        if found["impact"] in _GRAVE
        for node in found["nodes"]
    ]


async def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than its window: a phone's user would have to push it around."""
    width: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
