"""The audit log over HTTP, in the logs, in the metrics and in the client."""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from services.client.__main__ import leeward
from services.scheduler.api.changes import Changes
from services.scheduler.domain.acts import Act
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.metrics import Metrics
from services.scheduler.store.audit import AuditFilter
from tests.parts.api_work import turn
from tests.parts.callers import CONFINED_READER, HEADER, OPERATOR, READER, believed
from tests.parts.fakes_api import Api, a_job, every, running_api

NIGHTLY = "/collections/mine/jobs/nightly"
HELD = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online")
SIGNING = b64encode(b"canary" * 5).decode()
OTTO = {HEADER: OPERATOR.name}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """Two collections, and callers to be believed."""
    async with running_api(HELD, middlewares=[believed]) as api:
        for name in ("mine", "other"):
            await api.call("PUT", f"/collections/{name}", {})
        yield api


async def listed(api: Api, wanted: str = "", **headers: str) -> list[Any]:
    """Return the entries that a filter names, the latest first."""
    reply = await api.call("GET", f"/audit?$filter={wanted}", **headers)
    assert reply.status == 200, reply
    rows: list[Any] = reply.document["value"]
    return rows


async def some_changes(api: Api) -> None:
    """Leave six more entries, a minute apart."""
    for method, path, body in (
        ("PUT", NIGHTLY, a_job(recurrence=every(5))),
        ("PUT", "/collections/other/jobs/nightly", a_job()),
        ("PATCH", NIGHTLY, {"recurrence": {"interval": 10}}),
        ("POST", "/hosts/db-0/cordon", {"reason": "disks"}),
        ("POST", f"{NIGHTLY}/run", None),
        ("DELETE", NIGHTLY, None),
    ):
        turn(api, minutes=1)
        assert (await api.call(method, path, body, **OTTO)).status in (200, 201)


async def leeward_audit(api: Api, *words: str) -> Result:
    """Run the command in a thread, as a process of its own would."""
    return await asyncio.to_thread(CliRunner().invoke, leeward, ["--url", api.url, "audit", *words])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("collection eq mine and job eq NIGHTLY", ["job.deleted", "job.run", "job.patched", "job.created"]),
        ("collection eq other", ["job.created", "collection.created"]),
        ("host eq db-0", ["host.cordoned"]),
        ("caller eq otto and action eq Job.Created", ["job.created", "job.created"]),
        ("resourceGroup eq elsewhere", []),
        ("subscription eq '00000000-0000-0000-0000-000000000000' and action eq job.run", ["job.run"]),
        ("at ge 2026-03-02T12:05:00Z", ["job.deleted", "job.run"]),
        ("at ge 2026-03-02T12:03:00 and at lt 2026-03-02T12:05:00Z", ["host.cordoned", "job.patched"]),
    ],
)
async def test_entries_are_found_by_what_is_asked_for(api: Api, wanted: str, found: list[str]) -> None:
    await some_changes(api)
    assert [one["action"] for one in await listed(api, wanted)] == found


@pytest.mark.parametrize(
    "wanted",
    [
        "name eq nightly",
        "at eq 2026-03-02T12:00:00Z",
        "job ge nightly",
        "action eq job.vanished",
        "at ge yesterday",
        "job eq a and job eq b",
        "at ge 2026-03-02T12:00:00Z and at ge 2026-03-02T12:00:00Z",
        "job eq a and",
        "job",
    ],
)
async def test_a_filter_that_says_nothing_is_refused(api: Api, wanted: str) -> None:
    reply = await api.call("GET", f"/audit?$filter={wanted}")
    assert (reply.status, reply.document["field"]) == (400, "$filter")


async def test_other_lists_take_no_filter_by_time(api: Api) -> None:
    assert (await api.call("GET", "/collections/mine/jobs?$filter=state ge Enabled")).status == 400


async def test_the_log_is_read_page_by_page(api: Api) -> None:
    await some_changes(api)
    first = (await api.call("GET", "/audit?$top=5")).document
    second = (await api.call("GET", first["nextLink"])).document
    assert [len(first["value"]), len(second["value"]), second["nextLink"]] == [5, 3, None]
    numbers = [one["id"] for one in [*first["value"], *second["value"]]]
    assert numbers == sorted(numbers, reverse=True)


async def test_a_confined_caller_reads_of_its_collections_alone_and_counts_nobody(api: Api) -> None:
    await some_changes(api)
    everything, mine = await listed(api, **{HEADER: READER.name}), await listed(api, **{HEADER: CONFINED_READER.name})
    assert len(everything) == 8
    assert [one["action"] for one in mine] == [one["action"] for one in everything if one.get("collection") == "mine"]
    assert not any("id" in one or one.get("collection") != "mine" for one in mine)
    assert await listed(api, "collection eq other", **{HEADER: CONFINED_READER.name}) == []


async def test_what_changes_nothing_leaves_no_entry(api: Api) -> None:
    for method, path, body in (
        ("PUT", NIGHTLY, a_job(recurrence=every(5))),
        ("PUT", NIGHTLY, a_job(recurrence=every(5))),
        ("PATCH", NIGHTLY, {}),
        ("POST", f"{NIGHTLY}/enable", None),
        ("PUT", "/collections/mine", {}),
        ("POST", "/collections/mine/enable", None),
        ("POST", "/hosts/db-0/release", {}),
    ):
        assert (await api.call(method, path, body)).status in (200, 201)
    assert [one["action"] for one in await listed(api)] == ["job.created", *["collection.created"] * 2]


async def test_a_run_that_is_asked_for_again_is_one_entry(api: Api) -> None:
    await api.call("PUT", NIGHTLY, a_job())
    sent = {"x_ms_client_request_id": "once"}
    replies = [await api.call("POST", f"{NIGHTLY}/run", **sent) for _ in range(3)]
    [entry] = await listed(api, "action eq job.run")
    assert [reply.document["occurrenceId"] for reply in replies] == [entry["after"]["occurrenceId"]] * 3


async def test_each_job_of_a_batch_has_its_entry_and_what_was_refused_has_none(api: Api) -> None:
    batch = [a_job(name=f"job-{number}") for number in range(3)] + [{"name": "bad", "action": {}}]
    await api.call("POST", "/collections/mine/jobs:batch", {"value": batch}, **OTTO)
    await api.call("DELETE", "/collections/mine/jobs:batch?$filter=state eq Enabled", **OTTO)
    told = [(one["job"], one["action"], one["caller"]) for one in await listed(api, "caller eq otto")]
    names = ["job-0", "job-1", "job-2"]
    assert sorted(told) == sorted((name, act, "otto") for name in names for act in ("job.created", "job.deleted"))


async def test_what_stood_before_may_be_put_back_as_it_is(api: Api) -> None:
    await some_changes(api)
    [gone] = await listed(api, "action eq job.deleted")
    assert (await api.call("PUT", NIGHTLY, gone["before"])).status == 201
    assert (await listed(api))[0]["after"] == gone["before"]


async def test_no_secret_is_in_the_log_which_says_only_that_it_changed(api: Api) -> None:
    basic = {"type": "Basic", "username": "robot"}
    requests: list[dict[str, object]] = [
        {"authentication": {**basic, "password": "canary-0"}},
        {"authentication": {**basic, "password": "canary-1"}},
        {"webhookSecret": f"whsec_{SIGNING}"},
    ]
    for request in requests:
        document = {"action": {"request": {"uri": "https://db-0/", **request}}}
        assert (await api.call("PUT", NIGHTLY, document)).status in (200, 201)
    told = await listed(api, "job eq nightly")
    password, secret = "action.request.authentication.password", "action.request.webhookSecret"
    assert [one["secrets"] for one in told] == [[password, secret], [password], [password]]
    assert not re.search(
        "canary|whsec|Y2FuYXJ5", repr(await api.services.store.list_audit(AuditFilter(), top=9, skip=0))
    )
    assert not re.search(f"canary|whsec|{SIGNING}", repr(told))


async def test_each_change_is_a_line_in_the_log_and_counted_and_many_jobs_share_lines(api: Api) -> None:
    metrics = Metrics("")
    api.services.store.follow_changes(Changes(metrics).follow)
    batch = {"value": [a_job(name=f"job-{number}") for number in range(150)]}
    with capture_logs() as lines:
        await api.call("PATCH", "/collections/mine", {"location": "north"}, **OTTO)
        await api.call("PUT", NIGHTLY, a_job(), **OTTO)
        reply = await api.call("POST", "/collections/mine/jobs:batch", batch, **OTTO)
    told = [line for line in lines if line["event"] == "change"]
    assert [(one["action"], one.get("job"), len(one.get("jobs", []))) for one in told] == [
        ("collection.patched", None, 0),
        ("job.created", "nightly", 0),
        ("job.created", None, 100),
        ("job.created", None, 50),
    ]
    assert {one["request_id"] for one in told[2:]} == {reply.headers["x-ms-request-id"]}
    assert all((one["caller"], one["collection"]) == ("otto", "mine") for one in told)
    assert metrics.registry.get_sample_value("leeward_changes_total", {"action": Act.JOB_CREATED}) == 151


async def test_the_client_shows_who_changed_what_in_a_few_words(api: Api) -> None:
    await some_changes(api)
    shown = (await leeward_audit(api, "--job", "mine/nightly")).output.splitlines()
    assert shown[0].split() == ["AT", "BY", "ACTION", "WHAT", "CHANGED", "FROM"]
    patched = next(line for line in shown if "job.patched" in line)
    assert re.split(r"\s{2,}", patched) == [
        "2026-03-02T12:03:00Z",
        "otto",
        "job.patched",
        "mine/nightly",
        "recurrence.interval 5 → 10",
        "127.0.0.1",
    ]


async def test_the_client_asks_for_what_its_options_say(api: Api) -> None:
    await some_changes(api)
    for words, actions in (
        (["--collection", "other"], ["job.created", "collection.created"]),
        (["--by", "otto", "--action", "host.cordoned"], ["host.cordoned"]),
        (["--host", "db-0", "--since", "2026-03-02T12:04:00Z"], ["host.cordoned"]),
        (["--until", "2026-03-02T12:01:00Z", "--limit", "1"], ["collection.created"]),
        (["--by", "o'tto"], []),
        (["--since", "7d"], []),
    ):
        shown = await leeward_audit(api, *words)
        rows = [line.split()[2] for line in shown.output.splitlines()[1:]]
        assert (shown.exit_code, rows) == (0, actions), shown.output
