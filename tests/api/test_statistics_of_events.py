"""What came of events, over the API and from the command line."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from services.client.__main__ import leeward
from services.scheduler.store.records import EventOutcome
from tests.parts.fakes_api import NOON, Api, running_api
from tests.parts.past_events import EVENT


@pytest.fixture
async def past() -> AsyncIterator[Api]:
    """The API with two past reboots, a day apart, and a cancelled freeze."""
    async with running_api() as running:
        yesterday = replace(EVENT, event_id="E-2", first_seen_at=NOON - timedelta(days=1))
        freeze = replace(EVENT, event_id="E-3", type="Freeze", outcome=EventOutcome.CANCELLED, started_at=None)
        for event in (EVENT, yesterday, freeze):
            await running.services.store.put_event(event)
            await running.services.store.record_approval(event.event_id, event.approval)
        yield running


async def test_statistics_come_by_type(past: Api) -> None:
    freeze, reboot = (await past.call("GET", "/events/stats")).document["value"]
    assert (freeze["type"], freeze["count"], freeze["outcomes"]["cancelled"]) == ("Freeze", 1, 1)
    assert "duration" not in freeze
    assert reboot["count"] == 2
    assert reboot["duration"] == {"count": 2, "medianSeconds": 30.0, "p90Seconds": 30.0}


async def test_statistics_are_about_a_type_and_a_time(past: Api) -> None:
    since = f"firstSeenAt ge {(NOON - timedelta(hours=1)).isoformat().replace('+00:00', 'Z')}"
    found = (await past.call("GET", f"/events/stats?$filter=type eq reboot and {since}")).document["value"]
    assert [(one["type"], one["count"]) for one in found] == [("Reboot", 1)]


@pytest.mark.parametrize("wanted", ["outcome eq active", "firstSeenAt ge noon", "type eq a and type eq b"])
async def test_a_filter_that_is_not_understood_is_refused(past: Api, wanted: str) -> None:
    reply = await past.call("GET", f"/events/stats?$filter={wanted}")
    assert (reply.status, reply.document["field"]) == (400, "$filter")


async def test_an_event_tells_when_it_was_announced_for_drained_and_started(past: Api) -> None:
    event = (await past.call("GET", "/events/E-1")).document
    assert (event["announcedFor"], event["startedAt"]) == ("2026-03-02T12:15:00Z", "2026-03-02T12:01:10Z")
    assert event["hosts"]["db-1"]["drainedAt"] == "2026-03-02T12:01:00Z"


async def run(api: Api, *words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, leeward, ["--url", api.url, "event", "stats", *words])


async def test_the_command_prints_a_table(past: Api) -> None:
    told = await run(past)
    assert told.exit_code == 0
    _, freeze, reboot = (line.split() for line in told.output.splitlines())
    assert freeze[:3] == ["Freeze", "1", "1"]
    assert reboot[:4] == ["Reboot", "2", "2", "completed"]
    assert reboot[4:7] == ["15m00s", "/", "24h15m"]
    assert reboot[-6:] == ["9.0s", "/", "9.0s", "30s", "/", "30s"]


async def test_the_command_gives_programs_json(past: Api) -> None:
    told = await run(past, "--type", "Freeze", "--since", "2000d", "--output", "json")
    assert [one["count"] for one in json.loads(told.output)] == [1]
    assert (await run(past, "--since", "1h")).exit_code == 0
