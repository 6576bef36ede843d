"""The host itself has something to do before an event: Azure is told only when that is done."""

import asyncio
import json
from functools import partial
from pathlib import Path

from shared.bus import Delivery
from shared.messages import Block, decode
from tests.parts.listener import Listener
from tests.parts.site import Json, Site
from tests.system.conftest import SiteMaker

BLOCK = "leeward/v1/hosts/db-0/blocks/responders"
PREPARE = 'until [ -e gate ]; do sleep 0.05; done; echo "$LEEWARD_PHASE $LEEWARD_EVENT_ID" >> done'


def commanded(folder: Path, script: str, *, phases: str = "prepare,resume") -> dict[str, str]:
    """Return the settings of watchers that run a shell script in a folder."""
    return {
        "LEEWARD_COMMAND": json.dumps(["/bin/sh", "-c", script]),
        "LEEWARD_COMMAND_FOLDER": str(folder),
        "LEEWARD_COMMAND_PHASES": phases,
    }


def drained(known: Json) -> bool:
    return bool(known["hosts"].get("db-0", {}).get("drain") == "drained")


async def is_blocked(site: Site, reason: str) -> bool:
    """Wait until the block of db-0's responders says so, as a newcomer to the bus hears it."""
    heard = Listener()
    async with site.client((BLOCK, heard)):
        await heard.until(lambda deliveries: reason in reasons(deliveries))
    return reasons(heard.deliveries)[-1] == reason


def reasons(deliveries: list[Delivery]) -> list[str]:
    return [decode(each.payload, Block).reason for each in deliveries if each.payload]


async def test_azure_is_told_only_after_the_responder_is_done(a_site: SiteMaker, tmp_path: Path) -> None:
    async with a_site(watching=commanded(tmp_path, PREPARE)) as site:
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=300)
        await site.until_event(event, drained)
        assert await is_blocked(site, f"command at work for Reboot {event}")
        assert (await site.event(event))["approval"]["state"] == "none"
        assert await site.approvals() == []
        (tmp_path / "gate").touch()
        await site.until_event(event, lambda known: known["approval"]["state"] == "approved")
        await site.until_event(event, lambda known: known["outcome"] == "completed")
        await site.until(partial(asyncio.to_thread, has_lines, tmp_path / "done", 2))
    assert (tmp_path / "done").read_text() == f"prepare {event}\nresume {event}\n"


async def test_a_responder_that_fails_prevents_the_approval(a_site: SiteMaker, tmp_path: Path) -> None:
    async with a_site(watching=commanded(tmp_path, "exit 3", phases="prepare")) as site:
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=4, startedSeconds=1)
        await site.until_event(event, drained)
        assert await is_blocked(site, f"not ready for Reboot {event}: command: /bin/sh ended with exit code 3")
        known = await site.until_event(event, lambda known: known["outcome"] == "completed")
        assert known["approval"]["state"] == "none"
        assert await site.approvals() == []


async def test_a_dry_run_approves_nothing_and_does_nothing(a_site: SiteMaker, tmp_path: Path) -> None:
    async with a_site(watching={**commanded(tmp_path, PREPARE), "LEEWARD_DRY_RUN": "true"}) as site:
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=4, startedSeconds=1)
        await site.until_event(event, drained)
        assert await is_blocked(site, f"dry run: Reboot {event} is not approved")
        await site.until_event(event, lambda known: known["outcome"] == "completed")
        runs = 'leeward_responder_runs_total{outcome="dry_run",phase="prepare",responder="command"}'
        assert await site.watcher_metric("db-0", runs) == 1
        assert await site.approvals() == []


async def test_a_watcher_killed_at_work_takes_it_up_again_behind_its_block(a_site: SiteMaker, tmp_path: Path) -> None:
    async with a_site(watching=commanded(tmp_path, PREPARE)) as site:
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=300)
        await site.until_event(event, drained)
        assert await is_blocked(site, f"command at work for Reboot {event}")
        await site.watchers["db-0"].kill()
        assert await is_blocked(site, f"command at work for Reboot {event}")
        (tmp_path / "gate").touch()
        await site.watchers["db-0"].start()
        await site.until_event(event, lambda known: known["approval"]["state"] == "approved")
        assert f"prepare {event}" in (tmp_path / "done").read_text()


async def test_a_broker_that_forgot_the_block_hears_it_before_the_event(a_site: SiteMaker, tmp_path: Path) -> None:
    async with a_site(watching=commanded(tmp_path, PREPARE)) as site:
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=300)
        await site.until_event(event, drained)
        assert await is_blocked(site, f"command at work for Reboot {event}")
        await site.broker.kill()
        site.broker.wipe()
        await site.broker.start()
        await site.until_bus(connected=True)
        assert await is_blocked(site, f"command at work for Reboot {event}")
        assert (await site.event(event))["approval"]["state"] == "none"
        (tmp_path / "gate").touch()
        await site.until_event(event, lambda known: known["approval"]["state"] == "approved")


def has_lines(path: Path, count: int) -> bool:
    return path.exists() and len(path.read_text().splitlines()) >= count
