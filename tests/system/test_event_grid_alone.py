"""A watcher outside of the VMs hears of a Terminate from Azure Event Grid alone, and of its end."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.parts.grid import EVENT, GROUP_ID, Json, body, cloud_event, validation
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.site import Site

pytestmark = pytest.mark.system

KEY = "a-key-of-twenty-four-chars"
ID = EVENT.upper()
LATER = "Fri, 20 Apr 2040 12:15:00 GMT"


class EventGrid:
    """Azure's side of the subscription."""

    def __init__(self, site: Site, watcher: Program, port: int) -> None:
        self._site = site
        self._watcher = watcher
        self._port = port
        self._url = f"http://127.0.0.1:{port}/eventgrid?code={KEY}"

    async def tell(self, status: str, **fields: str) -> None:
        """Tell of the event as it stands now."""
        await self.post(cloud_event(status, at=datetime.now(UTC).isoformat(), **fields))

    async def restart(self) -> None:
        """Stop the watcher and start it again, so that it knows nothing."""
        await self._watcher.stop()
        await self._site.until_host(lambda hosts: hosts["outside"]["watcher"] == "offline")
        await self._watcher.start()
        await listening(self._port)
        await self._site.until_host(lambda hosts: hosts["outside"]["watcher"] == "online")

    async def post(self, *events: Json) -> Json | None:
        """Post events and return what is answered."""
        async with self._site.session.post(self._url, data=body(*events)) as reply:
            assert reply.status == 200
            return await reply.json() if reply.content_type == "application/json" else None


@pytest.fixture
async def grid(site: Site, tmp_path: Path) -> AsyncIterator[EventGrid]:
    """A site whose VMs hear nothing of the event, and beside it a watcher that only has Event Grid."""
    port, key = free_port(), tmp_path / "key"
    key.write_text(KEY)
    outside = Program(
        "services.vmwatch",
        log=tmp_path / "outside.log",
        settings={
            **site.broker.environment("outside"),
            "LEEWARD_IMDS_URL": "none",
            "LEEWARD_HOST": "outside",
            "LEEWARD_GROUP": "fleet",
            "LEEWARD_OPS_LISTEN": f"127.0.0.1:{free_port()}",
            "LEEWARD_EVENTGRID_LISTEN": f"127.0.0.1:{port}",
            "LEEWARD_EVENTGRID_KEY_FILE": str(key),
            "LEEWARD_EVENTGRID_SCOPE": GROUP_ID,
        },
    )
    async with outside:
        await listening(port)
        await site.until_host(lambda hosts: hosts.get("outside", {}).get("watcher") == "online")
        yield EventGrid(site, outside, port)


async def test_a_terminate_told_by_event_grid_cordons_the_vm_and_its_completion_ends_it(
    site: Site, grid: EventGrid
) -> None:
    assert await grid.post(validation("512d")) == {"validationResponse": "512d"}
    await site.create_job("pooled", "/pooled", placement={"host": "db-0", "pool": "db"})
    await grid.tell("Scheduled", NotBefore=LATER)
    await site.until_condition("db-0", "cordoned", "drained")
    other = (await site.host("db-1"))["condition"]
    await grid.tell("Started")
    await site.until_condition("db-0", "interrupted")
    await grid.tell("Completed")
    event = await site.until_event(ID, lambda known: known["outcome"] != "active")
    assert (other, event["outcome"], event["type"]) == ("available", "completed", "Terminate")
    assert event["announcedFor"] == "2040-04-20T12:15:00Z"


async def test_a_restart_of_the_outside_watcher_ends_nothing_and_a_cancellation_does(
    site: Site, grid: EventGrid
) -> None:
    await grid.tell("Scheduled", NotBefore=LATER)
    await site.until_condition("db-0", "drained")
    await grid.restart()
    known = await site.event(ID)
    await grid.tell("Canceled")
    event = await site.until_event(ID, lambda known: known["outcome"] != "active")
    await site.until_condition("db-0", "available")
    assert (known["outcome"], event["outcome"], event["status"]) == ("active", "cancelled", "Scheduled")


async def test_the_outside_watcher_is_not_asked_to_approve(site: Site, grid: EventGrid) -> None:
    await site.watchers["db-0"].stop()
    await grid.tell("Scheduled", NotBefore=LATER, EventType="Reboot")
    event = await site.until_event(ID, lambda known: known["approval"]["state"] == "asked")
    asked = [await site.metric(f'leeward_approvals_total{{outcome="{each}"}}') for each in ("refused", "unanswered")]
    assert (event["type"], asked, await site.approvals()) == ("Reboot", [0, 0], [])
