"""Plans and quotas: what a collection grants its jobs, what it refuses to become, and what an operator may change."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.scheduler.domain.limits import read_limits
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.open import open_store
from tests.parts.fakes_api import Api, a_job, every, running_api


async def put(api: Api, name: str, sku: str, **more: Any) -> int:
    return (await api.call("PUT", f"/collections/{name}", {"sku": {"name": sku}, **more})).status


async def test_a_subscription_has_one_free_collection(api: Api) -> None:
    assert await put(api, "free", "Free") == 201
    assert await put(api, "free", "free", tags={"a": "1"}) == 200
    second = await api.call("PUT", "/collections/free-2", {"sku": {"name": "Free"}})
    assert (second.status, "1 collections of the plan Free" in second.document["detail"]) == (409, True)
    assert (await api.call("PATCH", "/collections/demo", {"sku": {"name": "Free"}})).status == 409
    await api.call("DELETE", "/collections/free")
    assert await put(api, "free-2", "Free") == 201


@pytest.mark.parametrize(
    ("jobs", "says"),
    [
        ([a_job()] * 6, "may have 5 jobs"),
        ([a_job(recurrence=every(30))], "job j0: recurrence"),
        ([a_job(recurrence={"cron": "0,30 5 * * *"})], "job j0: recurrence"),
        (
            [a_job(), {"action": {**a_job()["action"], "retryPolicy": {"retryInterval": "PT5S"}}}],
            "job j1: action.retry",
        ),
    ],
)
async def test_a_collection_with_jobs_beyond_a_plan_cannot_move_to_it(
    api: Api, jobs: list[dict[str, Any]], says: str
) -> None:
    for number, job in enumerate(jobs):
        await api.call("PUT", f"/collections/demo/jobs/j{number}", job)
    refused = await api.call("PATCH", "/collections/demo", {"sku": {"name": "Free"}})
    assert (refused.status, says in refused.document["detail"]) == (409, True), refused.document
    assert (await api.call("GET", "/collections/demo")).document["sku"] == {"name": "Unlimited"}


async def test_a_quota_limits_how_often_jobs_run(api: Api) -> None:
    quota = {"maxRecurrence": {"frequency": "Hour", "interval": 2}}
    await api.call("PUT", "/collections/slow", {"quota": quota})
    fast = await api.call("PUT", "/collections/slow/jobs/x", a_job(recurrence={"frequency": "Hour", "interval": 1}))
    assert (fast.status, "PT2H" in fast.document["detail"]) == (409, True)
    slow = a_job(recurrence={"frequency": "Hour", "interval": 2})
    assert (await api.call("PUT", "/collections/slow/jobs/x", slow)).status == 201
    tighter = await api.call(
        "PATCH", "/collections/slow", {"quota": {"maxRecurrence": {"frequency": "Day", "interval": 1}}}
    )
    assert (tighter.status, tighter.document["detail"].startswith("job x: ")) == (409, True)


async def test_a_monthly_quota_takes_monthly_jobs(api: Api) -> None:
    await api.call("PUT", "/collections/slow", {"quota": {"maxRecurrence": {"frequency": "Month"}}})
    monthly = {"frequency": "Month", "schedule": {"monthDays": [28]}}
    assert (await api.call("PUT", "/collections/slow/jobs/m", a_job(recurrence=monthly))).status == 201
    assert (await api.call("PUT", "/collections/slow/jobs/w", a_job(recurrence={"frequency": "Week"}))).status == 409


async def test_a_quota_limits_how_many_times_a_job_runs(api: Api) -> None:
    await api.call("PUT", "/collections/few", {"quota": {"maxJobOccurrence": 10}})
    for recurrence in (every(5), every(5, count=11)):
        assert (await api.call("PUT", "/collections/few/jobs/x", a_job(recurrence=recurrence))).status == 409
    assert (await api.call("PUT", "/collections/few/jobs/x", a_job(recurrence=every(5, count=10)))).status == 201
    assert (await api.call("PUT", "/collections/few/jobs/once", a_job())).status == 201
    assert (await api.call("PATCH", "/collections/few", {"quota": {"maxJobOccurrence": 9}})).status == 409


async def test_a_quota_beyond_the_plan_is_a_conflict(api: Api) -> None:
    for quota in ({"maxJobCount": 51}, {"maxRecurrence": {"frequency": "Second", "interval": 59}}):
        assert await put(api, "standard", "Standard", quota=quota) == 409
    assert (await api.call("GET", "/collections/standard")).status == 404


async def test_a_quota_comes_back_as_it_was_given(api: Api) -> None:
    quota = {"maxJobCount": 9, "maxJobOccurrence": 3, "maxRecurrence": {"frequency": "Minute", "interval": 5}}
    reply = await api.call("PUT", "/collections/c", {"quota": quota})
    assert reply.document["quota"] == {**quota, "maxRecurrence": {"frequency": "minute", "interval": 5}}


async def test_callers_at_once_do_not_get_past_a_limit(tmp_path: Path) -> None:
    async with running_api(store=open_store(f"sqlite:///{tmp_path / 'jobs.db'}")) as api:
        made = await asyncio.gather(*(put(api, f"free-{n}", "Free") for n in range(4)))
        assert sorted(made) == [201, 409, 409, 409]
        jobs = f"/collections/free-{made.index(201)}/jobs"
        single = (api.call("PUT", f"{jobs}/j{n}", a_job()) for n in range(9))
        batch = api.call("POST", f"{jobs}:batch", {"value": [a_job(name=f"b{n}") for n in range(3)]})
        await asyncio.gather(*single, batch)
        assert len((await api.call("GET", jobs)).document["value"]) <= 5


async def test_a_limit_lowered_later_locks_neither_gate_nor_job() -> None:
    store = MemoryStore(lambda: "id-of-all")
    async with running_api(store=store) as api:
        await put(api, "s", "Standard", quota={"maxJobCount": 50})
        await api.call("PUT", "/collections/s/jobs/x", a_job(recurrence=every(5)))
    limits = read_limits(["Standard.jobs=1", "Standard.recurrence=PT1H", "Standard.retry=PT1M"])
    async with running_api(store=store, limits=limits) as api:
        for verb in ("disable", "enable"):
            assert (await api.call("POST", f"/collections/s/{verb}")).status == 200
            assert (await api.call("POST", f"/collections/s/jobs/x/{verb}")).status == 200
        faster = await api.call("PATCH", "/collections/s/jobs/x", {"recurrence": {"interval": 1}})
        more = await api.call("PUT", "/collections/s/jobs/y", a_job())
        assert (faster.status, more.status) == (409, 409)
        assert (await api.call("PATCH", "/collections/s", {"quota": {"maxJobCount": 49}})).status == 409


async def test_an_operator_lifts_and_lowers_limits() -> None:
    limits = read_limits(["Free.collections=2", "Free.jobs=any", "Standard.recurrence=PT1S", "Size.uri=30"])
    async with running_api(limits=limits) as api:
        assert [await put(api, name, "Free") for name in ("a", "b", "c")] == [201, 201, 409]
        assert [(await api.call("PUT", f"/collections/a/jobs/{n}", a_job())).status for n in range(6)] == [201] * 6
        await put(api, "s", "Standard")
        second = a_job(recurrence={"frequency": "Second", "interval": 1})
        assert (await api.call("PUT", "/collections/s/jobs/x", second)).status == 201
        long = {"action": {"request": {"uri": "http://db-0/" + "x" * 30}}}
        assert "at most 30" in (await api.call("PUT", "/collections/s/jobs/y", long)).document["detail"]
