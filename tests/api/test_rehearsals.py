"""Rehearsals over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.store.records import ApprovalState
from tests.parts.builders import ANNOUNCED
from tests.parts.fakes_api import NOON, Api, a_job, every, running_api
from tests.parts.rehearsing import a_rehearsal

BODY: dict[str, Any] = {"type": "reboot", "hosts": ["DB-0"], "noticeSeconds": 120, "description": "drill"}


def host(name: str, **more: Any) -> HostReport:
    return HostReport(host=name, condition=HostCondition.AVAILABLE, watcher="online", pools=("db",), **more)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """The API with two hosts of one pool."""
    async with running_api(host("db-0", addresses=("10.0.0.4",)), host("db-1")) as running:
        yield running


async def test_one_is_announced_as_an_event_that_says_what_it_is(api: Api) -> None:
    reply = await api.call("POST", "/rehearsals", BODY)
    event = reply.document
    assert (reply.status, event["type"], event["resources"]) == (201, "Reboot", ["db-0"])
    assert event["eventId"].startswith("REHEARSAL-")
    assert (event["source"], event["description"]) == ("Rehearsal", "Rehearsal: drill")
    assert (event["notBefore"], event["durationSeconds"]) == ("2026-03-02T12:02:00Z", 30)
    assert (event["approval"]["state"], event["approval"]["reason"]) == (
        ApprovalState.NONE,
        "a rehearsal: nothing is asked of Azure",
    )
    assert (await api.call("GET", f"/events/{event['eventId']}")).document == event


async def test_they_are_listed_without_real_events_and_called_off(api: Api) -> None:
    await api.services.store.put_event(ANNOUNCED)
    event = (await api.call("POST", "/rehearsals", BODY)).document
    assert (await api.call("GET", "/rehearsals")).document["value"] == [event]
    cancelled = await api.call("DELETE", f"/rehearsals/{event['eventId'].lower()}")
    assert (cancelled.status, cancelled.document["outcome"]) == (200, "cancelled")
    again = await api.call("DELETE", f"/rehearsals/{event['eventId']}")
    assert (again.status, "over already" in again.document["detail"]) == (409, True)
    assert (await api.call("DELETE", "/rehearsals/E1")).status == 404


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"type": "Storm"}, "type", "Freeze, Reboot"),
        ({"hosts": []}, "hosts", "1 to 100"),
        ({"hosts": ["db-0", "bd-1"]}, "hosts[1]", "did you mean db-1?"),
        ({"hosts": [""]}, "hosts[0]", "is not known"),
        ({"noticeSeconds": 3601}, "noticeSeconds", "0 to 3600"),
        ({"durationSeconds": 0}, "durationSeconds", "1 to 3600"),
        ({"description": "x" * 201}, "description", "200"),
        ({"approve": True}, "approve", "unknown"),
    ],
)
async def test_what_cannot_be_rehearsed_is_refused_with_what_to_write(
    api: Api, change: dict[str, Any], field: str, says: str
) -> None:
    for path in ("/rehearsals", "/rehearsals/foresight"):
        reply = await api.call("POST", path, {**BODY, **change})
        assert (reply.status, reply.document["field"]) == (400, field)
        assert says in reply.document["detail"]
    assert (await api.call("GET", "/rehearsals")).document["value"] == []


async def test_one_too_many_at_a_time_is_refused(api: Api) -> None:
    for _ in range(5):
        assert (await api.call("POST", "/rehearsals", BODY)).status == 201
    reply = await api.call("POST", "/rehearsals", BODY)
    assert (reply.status, "cancel one" in reply.document["detail"]) == (409, True)


async def test_what_it_would_do_is_foreseen_and_nothing_happens(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {})
    jobs: dict[str, dict[str, Any]] = {
        "moves": {"placement": {"host": "db-0", "pool": "db"}},
        "waits": {"placement": {"host": "db-0"}},
        "stays": {"placement": {"host": "db-0"}, "maintenance": {"strategy": "Ignore"}},
        "aimed": {"action": {"request": {"uri": "http://10.0.0.4/x"}}},
        "pooled": {"placement": {"pool": "db"}},
        "off": {"placement": {"host": "db-0"}, "state": "Disabled"},
        "elsewhere": {"placement": {"host": "db-1"}},
    }
    for name, more in jobs.items():
        assert (
            await api.call("PUT", f"/collections/demo/jobs/{name}", a_job(recurrence=every(5), **more))
        ).status == 201
    seen = (await api.call("POST", "/rehearsals/foresight", BODY)).document
    assert {name: seen[name] for name in ("jobs", "rerouted", "held", "ignoring", "uncounted")} == {
        "jobs": 4,
        "rerouted": 1,
        "held": 2,
        "ignoring": 1,
        "uncounted": False,
    }
    assert seen["pools"] == [{"pool": "db", "hosts": 2, "left": 1, "jobs": 2, "uncounted": False}]
    both = (await api.call("POST", "/rehearsals/foresight", {**BODY, "hosts": ["db-0", "db-1"]})).document
    assert (both["jobs"], both["rerouted"], both["pools"][0]["left"]) == (5, 0, 0)
    assert (await api.call("GET", "/rehearsals")).document["value"] == []


async def test_statistics_leave_them_out(api: Api) -> None:
    await api.services.store.put_event(a_rehearsal(at=NOON).event)
    assert (await api.call("GET", "/events/stats")).document["value"] == []
    assert len((await api.call("GET", "/events")).document["value"]) == 1
