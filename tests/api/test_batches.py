"""Many jobs in one request."""

from tests.parts.api_work import run_due
from tests.parts.fakes_api import Api, a_job, every

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
