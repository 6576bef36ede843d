"""Hosts and events as callers see and steer them."""

from collections.abc import AsyncIterator

import pytest

from services.scheduler.domain.hosts import HostCondition, HostReport, Loss
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    EventOutcome,
    EventRecord,
    HostDrain,
)
from tests.parts.fakes_api import NOON, Api, FakeHosts, running_api

REPORTS = (
    HostReport(host="web-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("web",)),
    HostReport(
        host="db-0",
        condition=HostCondition.DRAINED,
        watcher="offline",
        pools=("db",),
        addresses=("10.0.0.4",),
        events=("E-1",),
        held=2,
        last_seen_at=NOON,
    ),
)


@pytest.fixture
async def fleet() -> AsyncIterator[Api]:
    """The API with two hosts and a past event."""
    async with running_api(*REPORTS) as running:
        await running.services.store.put_event(event("E-1", EventOutcome.COMPLETED))
        yield running


def event(event_id: str, outcome: EventOutcome) -> EventRecord:
    return EventRecord(
        event_id=event_id,
        type="Reboot",
        status="Started",
        resources=("db-0",),
        not_before=None,
        duration_seconds=None,
        source="Platform",
        description="",
        first_seen_at=NOON,
        ended_at=NOON,
        outcome=outcome,
        hosts={"db-0": HostDrain(drain="drained", rerouted=3)},
    )


async def test_a_host_that_is_not_coming_back_says_what_took_it() -> None:
    loss = Loss(event_id="E-2", type="Terminate", at=NOON)
    gone = HostReport(host="db-0", condition=HostCondition.SILENT, watcher="offline", reason="lost to it", lost=loss)
    async with running_api(gone, REPORTS[0]) as running:
        hosts = (await running.call("GET", "/hosts")).document["value"]
    assert hosts[0]["lost"] == {"eventId": "E-2", "type": "Terminate", "at": "2026-03-02T12:00:00Z"}
    assert (hosts[0]["condition"], hosts[0]["reason"], "lost" in hosts[1]) == ("silent", "lost to it", False)


async def test_hosts_are_listed_by_name(fleet: Api) -> None:
    hosts = (await fleet.call("GET", "/hosts")).document["value"]
    assert [host["host"] for host in hosts] == ["db-0", "web-0"]
    assert hosts[0] == {
        "host": "db-0",
        "condition": "drained",
        "watcher": "offline",
        "pools": ["db"],
        "addresses": ["10.0.0.4"],
        "events": ["E-1"],
        "running": 0,
        "held": 2,
        "lastSeenAt": "2026-03-02T12:00:00Z",
    }


async def test_a_host_is_found_in_any_case_and_an_unknown_one_is_404(fleet: Api) -> None:
    assert (await fleet.call("GET", "/hosts/DB-0")).document["host"] == "db-0"
    assert (await fleet.call("GET", "/hosts/db-9")).status == 404


async def test_a_host_is_cordoned_and_released_by_hand(fleet: Api) -> None:
    body = {"reason": "new disks", "until": "2026-03-02T14:00:00+01:00"}
    cordoned = await fleet.call("POST", "/hosts/web-0/cordon", body)
    assert (cordoned.status, cordoned.document["condition"]) == (200, "cordoned")
    assert cordoned.document["until"] == "2026-03-02T13:00:00Z"
    released = await fleet.call("POST", "/hosts/web-0/release", {})
    assert (released.status, released.document["condition"]) == (200, "available")


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "reason"), ({"reason": " "}, "reason"), ({"reason": "x", "until": "2026-03-02T12:00:00Z"}, "until")],
)
async def test_a_bad_cordon_changes_nothing(fleet: Api, body: dict[str, str], field: str) -> None:
    reply = await fleet.call("POST", "/hosts/web-0/cordon", body)
    assert (reply.status, reply.document["field"]) == (400, field)
    hosts = fleet.services.hosts
    assert isinstance(hosts, FakeHosts)
    assert hosts.report("web-0").condition is HostCondition.AVAILABLE


async def test_a_release_takes_no_fields(fleet: Api) -> None:
    assert (await fleet.call("POST", "/hosts/web-0/release", {"force": True})).document["field"] == "force"


async def test_an_event_tells_its_outcome_its_drains_and_who_approved(fleet: Api) -> None:
    approval = Approval(state=ApprovalState.APPROVED, at=NOON, by="scheduler-1", reason="drained")
    await fleet.services.store.record_approval("E-1", approval)
    shown = (await fleet.call("GET", "/events/e-1")).document
    assert shown == {
        "eventId": "E-1",
        "type": "Reboot",
        "status": "Started",
        "resources": ["db-0"],
        "notBefore": None,
        "durationSeconds": None,
        "source": "Platform",
        "description": "",
        "outcome": "completed",
        "hosts": {"db-0": {"drain": "drained", "running": 0, "held": 0, "rerouted": 3}},
        "approval": {"state": "approved", "at": "2026-03-02T12:00:00Z", "by": "scheduler-1", "reason": "drained"},
        "firstSeenAt": "2026-03-02T12:00:00Z",
        "endedAt": "2026-03-02T12:00:00Z",
    }


async def test_past_events_are_listed_unless_only_active_ones_are_asked_for(fleet: Api) -> None:
    await fleet.services.store.put_event(event("E-2", EventOutcome.ACTIVE))
    assert len((await fleet.call("GET", "/events")).document["value"]) == 2
    active = (await fleet.call("GET", "/events?$filter=outcome eq active")).document["value"]
    assert [one["eventId"] for one in active] == ["E-2"]
    page = await fleet.call("GET", "/events?$top=1")
    assert len((await fleet.call("GET", page.document["nextLink"])).document["value"]) == 1


async def test_an_unknown_event_is_404(fleet: Api) -> None:
    assert (await fleet.call("GET", "/events/E-9")).status == 404
