"""Pictures of the portal for README and docs, from a real `leeward up` with a rehearsed reboot: `make screenshots`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import ClientSession
from playwright.async_api import Page, expect

from tests.parts.browser import LOOKS, ROOT, Look, chromium, looking
from tests.parts.ports import free_port
from tests.parts.programs import Program
from tests.parts.waiting import until

IMAGES = ROOT / "docs/images"
WARM_UP_SECONDS = 45.0
"""For history on the time line."""
_JOB = "portal/jobs/default/demo/db-backup"
_DARK, _LIGHT = LOOKS[1], LOOKS[0]
_PHONE = LOOKS[2]


@asynccontextmanager
async def running_up(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """Run `leeward up` on ports of its own; give the addresses of its portal and of the emulator."""
    # The watchers' ports follow the scheduler's.
    port, imds, mqtt, targets, ops, *_ = (free_port() for _ in range(8))
    flags = {"--data": folder / "data", "--port": port, "--imds-port": imds, "--mqtt-port": mqtt}
    flags |= {"--targets-port": targets, "--ops-port": ops}
    words = [str(word) for flag in flags.items() for word in flag]
    async with Program("services.client", "up", *words, log=folder / "up.log") as program:
        url = f"http://127.0.0.1:{port}"
        await until(lambda: _has_hosts(url), seconds=60)
        yield url, f"http://127.0.0.1:{imds}"
        await program.stop(seconds=30)


async def _has_hosts(url: str) -> bool:
    return len(await _values(f"{url}/api/v1/hosts")) == 3


async def _is_drained(url: str) -> bool:
    active = [event for event in await _values(f"{url}/api/v1/events") if event["outcome"] == "active"]
    return any(host["drain"] == "drained" and host["held"] for event in active for host in event["hosts"].values())


async def _values(url: str) -> list[dict[str, Any]]:
    try:
        async with ClientSession() as session, session.get(url) as reply:
            found: list[dict[str, Any]] = (await reply.json())["value"] if reply.status == 200 else []
            return found
    except OSError:
        return []


async def _rehearse(imds: str) -> None:
    body = {"type": "Reboot", "resources": ["db-0"], "source": "Platform", "noticeSeconds": 120, "durationSeconds": 30}
    async with ClientSession() as session, session.post(f"{imds}/control/events", json=body) as reply:
        reply.raise_for_status()


async def _shoot(page: Page, url: str, name: str) -> None:
    await page.goto(url)
    if await page.locator("main[hx-get]").count():
        await expect(page.locator("#connection")).to_have_text("Live")
    await page.screenshot(path=IMAGES / f"{name}.png", full_page=False)


async def main() -> None:
    """Write the pictures."""
    with TemporaryDirectory(prefix="leeward-screenshots-") as name:
        async with running_up(Path(name)) as (url, imds), chromium() as browser:
            await asyncio.sleep(WARM_UP_SECONDS)
            await _rehearse(imds)
            await until(lambda: _is_drained(url), seconds=60)
            pictures: list[tuple[str, str, Look]] = [
                ("portal", "/?zoom=10m", _LIGHT),
                ("portal-dark", "/?zoom=10m", _DARK),
                ("portal-phone", "/?zoom=10m", _PHONE),
                ("portal-jobs", "/portal/jobs", _LIGHT),
                ("portal-job", f"/{_JOB}", _LIGHT),
                ("portal-form", f"/{_JOB}/edit", _LIGHT),
                ("portal-hosts", "/portal/hosts", _LIGHT),
                ("portal-health", "/portal/health", _LIGHT),
            ]
            for picture, place, look in pictures:
                async with looking(browser, look) as page:
                    await _shoot(page, f"{url}{place}", picture)


if __name__ == "__main__":
    asyncio.run(main())
