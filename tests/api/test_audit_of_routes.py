"""Every route that changes something leaves one entry in the audit log: the router is walked, so none is left out."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from services.scheduler.domain.acts import Act
from services.scheduler.domain.callers import Caller
from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.addresses import Address, addresses
from tests.parts.callers import HEADER, HERE, OPERATOR, READER, believed
from tests.parts.fakes_api import NOON, Api, Reply, a_job, every, running_api
from tests.parts.rehearsing import a_rehearsal

COLLECTION = "/api/v1/collections/{collection}"
JOB = f"{COLLECTION}/jobs/{{job}}"
BATCH = f"{COLLECTION}/jobs:batch"
HOST = "/api/v1/hosts/{host}"
REHEARSALS = "/api/v1/rehearsals"
GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
ARM = f"{GROUP}/providers/Microsoft.Scheduler/jobCollections/{{collection}}"
ARM_JOB = f"{ARM}/jobs/{{job}}"
Step = tuple[str, str, object]
DISABLE: Step = ("POST", "/collections/mine/jobs/nightly/disable", {})
CLOSE: Step = ("POST", "/collections/mine/disable", {})
EMPTY: Step = ("DELETE", "/collections/mine/jobs/nightly", {})
GONE: Step = ("DELETE", "/collections/mine", {})
CORDON: Step = ("POST", "/hosts/db-0/cordon", {"reason": "disks"})
MADE: Step = (
    "PUT",
    f"/subscriptions/{HERE.subscription}/resourceGroups/default?api-version=2016-03-01",
    {"location": "north"},
)
OTHER = {"action": {"request": {"uri": "http://db-1/other"}}}
TAGS = {"tags": {"team": "db"}}


class Case(msgspec.Struct, frozen=True):
    """What a route is sent, what goes before, and what the log calls it."""

    act: Act
    body: object = {}
    before: tuple[Step, ...] = ()
    query: str = ""


CASES = {
    f"PUT {COLLECTION}": Case(Act.COLLECTION_REPLACED, TAGS),
    f"PATCH {COLLECTION}": Case(Act.COLLECTION_PATCHED, TAGS),
    f"DELETE {COLLECTION}": Case(Act.COLLECTION_DELETED, before=(EMPTY,)),
    f"POST {COLLECTION}/enable": Case(Act.COLLECTION_ENABLED, before=(CLOSE,)),
    f"POST {COLLECTION}/disable": Case(Act.COLLECTION_DISABLED),
    f"PUT {JOB}": Case(Act.JOB_REPLACED, OTHER),
    f"PATCH {JOB}": Case(Act.JOB_PATCHED, OTHER),
    f"DELETE {JOB}": Case(Act.JOB_DELETED),
    f"POST {JOB}/run": Case(Act.JOB_RUN),
    f"POST {JOB}/enable": Case(Act.JOB_ENABLED, before=(DISABLE,)),
    f"POST {JOB}/disable": Case(Act.JOB_DISABLED),
    f"POST {BATCH}": Case(Act.JOB_REPLACED, {"value": [{"name": "nightly", **OTHER}]}),
    f"DELETE {BATCH}": Case(Act.JOB_DELETED, query="$filter=state eq Enabled"),
    f"POST {HOST}/cordon": Case(Act.HOST_CORDONED, {"reason": "disks"}),
    f"POST {HOST}/release": Case(Act.HOST_RELEASED, before=(CORDON,)),
    f"POST {REHEARSALS}": Case(Act.REHEARSAL_ANNOUNCED, {"type": "Reboot", "hosts": ["db-0"]}),
    f"DELETE {REHEARSALS}/{{event}}": Case(Act.REHEARSAL_CANCELLED),
    f"PUT {GROUP}": Case(Act.GROUP_REPLACED, TAGS, before=(MADE,)),
    f"DELETE {GROUP}": Case(Act.GROUP_DELETED, before=(GONE, MADE)),
    f"PUT {ARM}": Case(Act.COLLECTION_REPLACED, {"location": "north"}),
    f"PATCH {ARM}": Case(Act.COLLECTION_PATCHED, TAGS),
    f"DELETE {ARM}": Case(Act.COLLECTION_DELETED, before=(EMPTY,)),
    f"POST {ARM}/enable": Case(Act.COLLECTION_ENABLED, before=(CLOSE,)),
    f"POST {ARM}/disable": Case(Act.COLLECTION_DISABLED),
    f"PUT {ARM_JOB}": Case(Act.JOB_REPLACED, {"properties": OTHER}),
    f"PATCH {ARM_JOB}": Case(Act.JOB_PATCHED, {"properties": OTHER}),
    f"DELETE {ARM_JOB}": Case(Act.JOB_DELETED),
    f"POST {ARM_JOB}/run": Case(Act.JOB_RUN),
}
LOOKING = {
    f"POST {JOB}/occurrences",
    f"POST {REHEARSALS}/foresight",
    "POST /subscriptions/{subscription}/providers/Microsoft.Scheduler/register",
    "POST /sign-in",
    "POST /sign-out",
}
"""Routes that change nothing that is kept, whatever their method says."""
SHOWN_ELSEWHERE = {"name", "collection", "status", "resolved", "createdAt", "updatedAt"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A collection, `mine`, with a job, `nightly`, and a host, `db-0`, of which a rehearsal is on, `E1`."""
    host = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online")
    async with running_api(host, middlewares=[believed]) as api:
        await api.call("PUT", "/collections/mine", {"sku": {"name": "Standard"}})
        await api.call("PUT", "/collections/mine/jobs/nightly", a_job(recurrence=every(5)))
        await api.services.store.put_rehearsal(a_rehearsal("E1", at=NOON), most=1)
        yield api


def changing(
    api: Api, *, collection: str = "mine", host: str = "db-0", group: str = "default", event: str = "E1"
) -> dict[str, Address]:
    """Return the API's routes whose method is not one that looks, by their patterns; tests/portal has the forms."""
    names = {"job": "nightly", "event": event, "filename": "portal.css", "subscription": HERE.subscription}
    found = addresses(api.app, collection=collection, host=host, group=group, **names)
    return {
        str(route): route
        for route in found
        if route.method not in ("GET", "HEAD") and not route.path.startswith("/portal/")
    }


async def entries(api: Api) -> list[Any]:
    """Return the log, the latest entry first."""
    rows: list[Any] = (await api.call("GET", "/audit")).document["value"]
    return rows


async def subject(api: Api, act: Act) -> object:
    """Return what an act is about as its own route shows it, without what an entry says elsewhere; None: not there."""
    kind = act.partition(".")[0]
    if kind == "host":
        cordons = await api.services.store.list_cordons()
        return None if not cordons else {"reason": "disks", "by": cordons[0].by}
    if kind == "rehearsal":
        found = await api.services.store.list_rehearsals(since=NOON)
        return [(each.event.event_id, each.cancelled_at) for each in found]
    addresses = {
        "job": "/collections/mine/jobs/nightly",
        "collection": "/collections/mine",
        "group": f"{api.url}{MADE[1]}",
    }
    reply = await api.call("GET", addresses[kind])
    if reply.status == 404:
        return None
    left_out = {"id", "properties"} if kind == "group" else set()
    return {name: value for name, value in reply.document.items() if name not in SHOWN_ELSEWHERE | left_out}


async def take(api: Api, step: Step) -> None:
    """Take a step on the way to where a route changes something."""
    method, path, body = step
    reply = await api.call(method, f"{api.url}{path}" if path.startswith("/subscriptions") else path, body)
    assert reply.status in (200, 201)


async def send(api: Api, route: Address, case: Case, caller: Caller = OPERATOR) -> Reply:
    """Call a route on behalf of a caller."""
    version = "api-version=2016-03-01" if route.path.startswith("/subscriptions") else ""
    url = f"{api.url}{route.path}?{case.query or version}"
    return await api.call(route.method, url, case.body, **{HEADER: caller.name})


async def test_no_route_that_changes_something_is_without_a_case(api: Api) -> None:
    assert changing(api).keys() - LOOKING == CASES.keys()


@pytest.mark.parametrize("name", CASES)
async def test_a_change_leaves_one_entry_with_its_caller_and_both_sides(api: Api, name: str) -> None:
    case = CASES[name]
    for step in case.before:
        await take(api, step)
    known, before = len(await entries(api)), await subject(api, case.act)
    reply = await send(api, changing(api)[name], case)
    assert reply.status in (200, 201), reply
    [entry, *older] = await entries(api)
    assert len(older) == known
    assert (entry["action"], entry["caller"], entry["address"]) == (case.act, OPERATOR.name, "127.0.0.1")
    assert entry["requestId"] == reply.headers["x-ms-request-id"]
    _check_sides(entry, case.act, before, await subject(api, case.act))


async def test_who_has_no_right_to_a_change_leaves_no_entry(api: Api) -> None:
    known = await entries(api)
    for name, case in CASES.items():
        assert (await send(api, changing(api)[name], case, READER)).status == 403, name
    assert await entries(api) == known


async def test_what_cannot_be_read_leaves_no_entry(api: Api) -> None:
    known = await entries(api)
    for name, case in CASES.items():
        if case.body:
            assert (await send(api, changing(api)[name], replace(case, body=b"{"))).status == 400, name
    assert await entries(api) == known


async def test_what_is_not_there_leaves_no_entry(api: Api) -> None:
    known = await entries(api)
    for name, case in CASES.items():
        if not name.startswith("PUT") and "{" in name:
            nowhere = changing(api, collection="absent", host="absent", group="absent", event="absent")[name]
            reply = await send(api, nowhere, case)
            assert reply.status == 404, name
    assert await entries(api) == known


def _check_sides(entry: dict[str, Any], act: Act, before: object, after: object) -> None:
    if act is Act.JOB_RUN:
        assert ("before" in entry, entry["after"].keys()) == (False, {"occurrenceId"})
        return
    if act in (Act.REHEARSAL_ANNOUNCED, Act.REHEARSAL_CANCELLED):
        assert ("before" in entry, "cancelledAt" in entry["after"]) == (act is Act.REHEARSAL_CANCELLED,) * 2
        assert before != after
        return
    for side in (entry.get("before"), entry.get("after")):
        (side or {}).pop("since", None)
    assert (entry.get("before"), entry.get("after")) == (before, after)
    assert before != after
