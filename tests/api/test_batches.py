"""Many jobs in one request."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from io import BytesIO

from services.scheduler.dispatch.planner import plan
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.jobs import Job
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.api_work import run_due
from tests.parts.fakes_api import NOON, Api, a_job, every, running_api

BATCH = "/collections/demo/jobs:batch"


async def names(api: Api) -> list[str]:
    return [job["name"] for job in (await api.call("GET", "/collections/demo/jobs")).document["value"]]


async def test_answers_come_in_order_and_one_bad_job_does_not_touch_the_others(api: Api) -> None:
    await api.call("PUT", "/collections/demo/jobs/old", a_job())
    jobs = [a_job(name="new"), a_job(name="old"), {"name": "bad"}, a_job(name="a b"), a_job(), a_job(name="NEW")]
    reply = await api.call("POST", BATCH, {"value": jobs})
    answers = reply.document["value"]
    assert reply.status == 200
    assert [(one["name"], one["status"]) for one in answers] == [
        ("new", 201),
        ("old", 200),
        ("bad", 400),
        ("a b", 400),
        ("", 400),
        ("NEW", 400),
    ]
    assert [one["error"]["field"] for one in answers[2:]] == ["action", "name", "name", "name"]
    assert await names(api) == ["new", "old"]


async def test_a_thousand_jobs_are_created_then_replaced(api: Api) -> None:
    jobs = [a_job(name=f"job-{number}", recurrence=every(5)) for number in range(1000)]
    for status in (201, 200):
        answers = (await api.call("POST", BATCH, {"value": jobs})).document["value"]
        assert {one["status"] for one in answers} == {status}


async def test_a_few_jobs_of_many_are_found_one_by_one(api: Api) -> None:
    many = [a_job(name=f"job-{number}") for number in range(30)]
    await api.call("POST", BATCH, {"value": many})
    answers = (await api.call("POST", BATCH, {"value": [a_job(name="JOB-7"), a_job(name="x")]})).document["value"]
    assert [one["status"] for one in answers] == [200, 201]


async def test_a_batch_starts_completed_jobs_anew(api: Api) -> None:
    await api.call("POST", BATCH, {"value": [a_job(name="once")]})
    await run_due(api)
    await api.call("POST", BATCH, {"value": [a_job(name="once")]})
    assert (await api.call("GET", "/collections/demo/jobs/once")).document["state"] == "enabled"


async def test_more_than_ten_thousand_are_refused_whole(api: Api) -> None:
    reply = await api.call("POST", BATCH, {"value": [{}] * 10_001})
    assert (reply.status, reply.document["field"]) == (400, "value")
    assert await names(api) == []


async def test_a_batch_that_has_no_room_is_refused_whole(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {"quota": {"maxJobCount": 1}})
    assert (await api.call("POST", BATCH, {"value": [a_job(name="a"), a_job(name="b")]})).status == 409
    assert await names(api) == []


async def test_jobs_of_one_state_are_deleted_at_once(api: Api) -> None:
    await api.call("POST", BATCH, {"value": [a_job(name="a", state="Disabled"), a_job(name="b")]})
    reply = await api.call("DELETE", f"{BATCH}?$filter=state eq Disabled")
    assert (reply.status, reply.document) == (200, {"deleted": 1})
    assert await names(api) == ["b"]


async def test_deleting_many_needs_a_filter(api: Api) -> None:
    await api.call("POST", BATCH, {"value": [a_job(name="a")]})
    reply = await api.call("DELETE", BATCH)
    assert (reply.status, reply.document["field"]) == (400, "$filter")
    assert await names(api) == ["a"]


class BusyStore(MemoryStore):
    """A store in which every job comes due just after a batch has looked for those that exist."""

    async def find_jobs(self, collection_id: CollectionId, names: Sequence[str]) -> list[Job]:
        """See the port."""
        found = await super().find_jobs(collection_id, names)
        owner = await self.register("other", NOON, timedelta(minutes=1))
        await self.claim(owner, now=NOON, horizon=NOON, limit=100, plan=partial(plan, now=NOON, horizon=NOON))
        return found


async def test_jobs_that_come_due_while_a_batch_changes_their_timing_are_changed_all_the_same() -> None:
    async with running_api(store=BusyStore(lambda: "session")) as api:
        await api.call("PUT", "/collections/demo", {})
        jobs = [a_job(name=name, startTime="2026-03-02T12:00:00Z", recurrence=every(10)) for name in "ab"]
        await api.call("POST", BATCH, {"value": jobs})
        answers = await api.call("POST", BATCH, {"value": [{**job, "recurrence": every(5)} for job in jobs]})
        assert [answer["status"] for answer in answers.document["value"]] == [200, 200]
        changed = await api.call("GET", "/collections/demo/jobs/a")
    assert changed.document["recurrence"]["interval"] == 5
    assert changed.document["status"]["nextExecutionTime"] == "2026-03-02T12:05:00Z"


async def test_one_job_of_a_batch_may_be_no_longer_than_one_that_comes_alone(api: Api) -> None:
    many = {f"team-{number}": "" for number in range(30_000)}
    reply = await api.call("POST", BATCH, {"value": [a_job(name="long", tags=many), a_job(name="short")]})
    assert [(one["name"], one["status"]) for one in reply.document["value"]] == [("long", 413), ("short", 201)]


async def test_millions_of_nothings_are_refused_before_they_are_looked_at(api: Api) -> None:
    body = BytesIO(b'{"value":[' + b"{}," * 8_000_000 + b"{}]}")
    began = time.process_time()
    async with api.session.post(f"{api.url}/api/v1{BATCH}", data=body) as reply:
        assert (reply.status, (await reply.json(content_type=None))["field"]) == (400, "value")
    assert time.process_time() - began < 3


class CountingStore(MemoryStore):
    """A store that counts those who look for jobs of a batch at the same time, and lets others come meanwhile."""

    present = 0
    most = 0

    async def find_jobs(self, collection_id: CollectionId, names: Sequence[str]) -> list[Job]:
        """See the port."""
        self.present += 1
        self.most = max(self.most, self.present)
        await asyncio.sleep(0.05)
        self.present -= 1
        return await super().find_jobs(collection_id, names)


async def test_a_caller_has_one_batch_at_a_time_in_a_collection() -> None:
    store = CountingStore(lambda: "session")
    async with running_api(store=store) as api:
        await api.call("PUT", "/collections/demo", {})
        batches = (api.call("POST", BATCH, {"value": [a_job(name=f"job-{number}")]}) for number in range(5))
        answers = await asyncio.gather(*batches)
    assert {answer.status for answer in answers} == {200}
    assert store.most == 1
