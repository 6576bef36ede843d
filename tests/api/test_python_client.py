"""The Python client against a running API: typed answers, paging, errors as types, what is asked again."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from services.client.api.access import check_url, read_authority, read_token
from services.client.api.client import Client
from services.client.api.connection import Patience
from services.client.api.errors import (
    AccessError,
    ConflictError,
    InvalidError,
    NotFoundError,
    StrangerError,
    ThrottledError,
    UnansweredError,
    UnauthenticatedError,
    UnavailableError,
)
from services.client.api.model.collections import CollectionState
from services.client.api.model.fleet import HostCondition, Lost, Regained, Update
from services.client.api.model.history import HistoryStatus, Verdict
from services.client.api.model.jobs import JobState
from services.scheduler.domain.hosts import HostCondition as Condition
from services.scheduler.domain.hosts import HostReport
from services.scheduler.feed import Update as Told
from tests.parts.api_work import run_due
from tests.parts.fakes_api import NOON, Api, a_job, every, running_api, serving
from tests.parts.ports import free_port
from tests.parts.tokens import by_file, three_callers

HOST = HostReport(host="db-0", condition=Condition.AVAILABLE, watcher="online", pools=("db",))
HASTY = Patience(seconds=5, attempts=3)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(HOST) as running:
        yield running


@pytest.fixture
async def client(api: Api) -> AsyncIterator[Client]:
    async with Client(api.url, patience=HASTY) as opened:
        await opened.collections.put("demo")
        yield opened


async def test_a_job_that_was_read_may_be_written_back(client: Client) -> None:
    written = await client.jobs.put("demo", "tick", a_job(recurrence=every(5), timeout="PT1M30S", tags={"a": "b"}))
    assert (written.state, written.timeout, written.tags) == (JobState.ENABLED, timedelta(seconds=90), {"a": "b"})
    assert written.status is not None
    assert written.status.next_execution_time == NOON
    again = await client.jobs.put("demo", "copy", await client.jobs.get("demo", "tick"))
    assert (again.name, again.action, again.recurrence) == ("copy", written.action, written.recurrence)


async def test_lists_come_page_by_page_as_they_are_needed(client: Client) -> None:
    batches = [answers async for answers in client.jobs.put_many("demo", jobs(250), per_request=100)]
    assert [len(answers) for answers in batches] == [100, 100, 50]
    assert {answer.status for answers in batches for answer in answers} == {201}
    assert len([job async for job in client.jobs.each("demo")]) == 250
    assert await client.jobs.delete_many("demo", matching="tags/half eq yes") == 125
    assert len([job.name async for job in client.jobs.each("demo", matching="state eq enabled")]) == 125


def jobs(count: int) -> list[dict[str, object]]:
    return [
        {**a_job(recurrence=every(5)), "name": f"j-{n}", "tags": {"half": "yes"} if n % 2 else {}} for n in range(count)
    ]


async def test_what_became_of_a_job_is_typed(client: Client, api: Api) -> None:
    await client.jobs.put("demo", "tick", a_job(recurrence=every(5)))
    occurrence = await client.jobs.run("demo", "tick", request_id="once")
    assert await client.jobs.run("demo", "tick", request_id="once") == occurrence
    await run_due(api)
    [*rows] = [row async for row in client.jobs.history("demo", "tick", status=HistoryStatus.COMPLETED)]
    assert {row.scheduled_time for row in rows} == {NOON}
    decision = await anext(client.jobs.decisions("demo", "tick", verdict=Verdict.RAN))
    assert (decision.cause, decision.explanation) == ("unplaced", "It ran: no known host serves it.")
    [due] = await client.jobs.occurrences("demo", "tick", count=1)
    assert due.at > NOON
    posted = await client.jobs.occurrences("demo", "other", count=2, document={"recurrence": {"frequency": "Day"}})
    assert posted[1].at - posted[0].at == timedelta(days=1)


async def test_hosts_are_steered_and_the_log_tells_who_did_it(client: Client) -> None:
    cordoned = await client.hosts.cordon("db-0", reason="disks", until=NOON + timedelta(hours=1))
    assert (cordoned.condition, cordoned.until) == (HostCondition.CORDONED, NOON + timedelta(hours=1))
    assert (await client.hosts.release("db-0")).condition is HostCondition.AVAILABLE
    assert [host.host async for host in client.hosts.each()] == ["db-0"]
    entries = [entry async for entry in client.audit(host="db-0", since=NOON)]
    assert [entry.action for entry in entries] == ["host.released", "host.cordoned"]
    assert [event async for event in client.events.each()] == []
    assert await client.events.statistics(since=NOON) == []


async def test_collections_are_steered(client: Client) -> None:
    await client.collections.patch("demo", {"tags": {"team": "db"}})
    assert (await client.collections.disable("demo")).state is CollectionState.DISABLED
    assert (await client.collections.enable("demo")).tags == {"team": "db"}
    assert [one.name async for one in client.collections.each()] == ["demo"]
    await client.collections.delete("demo")
    with pytest.raises(NotFoundError):
        await client.collections.get("demo")


async def test_a_refusal_is_a_type_with_what_the_scheduler_said(client: Client) -> None:
    with pytest.raises(InvalidError, match="recurence: unknown field") as refused:
        await client.jobs.put("demo", "tick", {"recurence": {}})
    assert refused.value.field == "recurence"
    assert refused.value.problem is not None
    assert (refused.value.problem.status, bool(refused.value.problem.request_id)) == (400, True)
    await client.collections.put("small", {"sku": {"name": "Standard"}, "quota": {"maxJobCount": 1}})
    await client.jobs.put("small", "a", a_job(recurrence=every(60)))
    with pytest.raises(ConflictError):
        await client.jobs.put("small", "b", a_job(recurrence=every(60)))


async def test_who_may_not_is_told_apart_from_who_is_not_known(tmp_path: Path) -> None:
    async with running_api(rules=by_file(three_callers(tmp_path))) as guarded, Client(guarded.url, token="x") as client:
        with pytest.raises(UnauthenticatedError):
            await client.collections.get("demo")


async def test_the_stream_tells_what_happens_and_is_taken_up_again(client: Client, api: Api) -> None:
    async with aclosing(client.stream()) as heard:
        assert isinstance(await anext(heard), Regained)
        api.services.feed.publish(Told(kind="host", at=NOON, summary="db-0 is drained", data={"host": "db-0"}))
        update = await anext(heard)
        assert isinstance(update, Update)
        assert (update.at, update.summary, update.data) == (NOON, "db-0 is drained", {"host": "db-0"})
        await api.app.shutdown()
        assert isinstance(await anext(heard), Lost)


@asynccontextmanager
async def failing(*statuses: int, **headers: str) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A scheduler that answers with these statuses, then well; gives its address and what it was asked."""
    asked: list[web.Request] = []
    left = list(statuses)

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        status = left.pop(0) if left else 200
        return web.json_response({"value": [], "occurrenceId": "o", "name": "x"}, status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with serving(app) as url:
        yield url, asked


async def test_reads_are_asked_again_and_writes_only_when_that_does_no_harm() -> None:
    async with failing(503, 502) as (url, asked), Client(url, patience=HASTY) as client:
        assert [one async for one in client.hosts.each()] == []
        assert len(asked) == 3
    async with failing(503) as (url, asked), Client(url, patience=HASTY) as client:
        with pytest.raises(UnavailableError):
            await client.collections.put("demo")
        assert len(asked) == 1
    async with failing(429) as (url, asked), Client(url, patience=HASTY) as client:
        assert (await client.collections.put("demo")).name == "x"
        assert len(asked) == 2


async def test_a_lost_answer_to_run_is_asked_for_by_the_same_id() -> None:
    async with failing(503) as (url, asked), Client(url, patience=HASTY) as client:
        assert await client.jobs.run("demo", "tick") == "o"
    assert len({request.headers["x-ms-client-request-id"] for request in asked}) == 1
    assert len(asked) == 2


async def test_who_is_asked_to_wait_for_long_is_told_instead() -> None:
    headers = {"Retry-After": "3600"}
    async with failing(429, **headers) as (url, asked), Client(url, patience=HASTY) as client:
        with pytest.raises(ThrottledError) as told:
            await client.hosts.get("db-0")
    assert (told.value.after, len(asked)) == (3600, 1)


async def test_nobody_and_a_stranger_are_told_apart() -> None:
    async with Client(f"http://127.0.0.1:{free_port()}", patience=HASTY) as client:
        with pytest.raises(UnansweredError, match="Connection refused") as nobody:
            await client.hosts.get("db-0")
    assert not nobody.value.was_sent
    async with serving(web.Application()) as url, Client(url) as client:
        with pytest.raises(StrangerError, match="it is no scheduler"):
            await client.hosts.get("db-0")
    async with failing() as (url, _), Client(url) as client:
        with pytest.raises(StrangerError, match="does not understand"):
            await client.hosts.get("db-0")


def test_what_is_given_of_an_access_is_judged_before_anything_is_sent(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    judges: tuple[tuple[str, Callable[[], object]], ...] = (
        ("url", lambda: check_url("scheduler:8080")),
        ("token", lambda: read_token(empty)),
        ("token", lambda: read_token("env:NOBODY", {})),
        ("token", lambda: read_token(tmp_path / "none")),
        ("authority", lambda: read_authority(empty)),
    )
    for about, judge in judges:
        with pytest.raises(AccessError) as refused:
            judge()
        assert refused.value.about == about
    assert read_token("env:MINE", {"MINE": "lwd_1\n"}) == "lwd_1"
    assert read_authority(None) is None
