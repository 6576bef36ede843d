"""Collections: documents, plans and quotas, the gate, lists."""

import asyncio
from pathlib import Path
from typing import Any

from services.scheduler.store.open import open_store
from tests.parts.fakes_api import Api, a_job, every, running_api


async def test_an_empty_body_makes_an_unlimited_open_collection(api: Api) -> None:
    created = await api.call("PUT", "/collections/fresh", {})
    assert created.status == 201
    assert created.document == {
        "name": "fresh",
        "state": "Enabled",
        "sku": {"name": "Unlimited"},
        "createdAt": "2026-03-02T12:00:00Z",
        "updatedAt": "2026-03-02T12:00:00Z",
    }


async def test_put_replaces_and_patch_merges(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {"location": "West US", "tags": {"a": "1"}, "sku": {"name": "standard"}})
    patched = await api.call("PATCH", "/collections/demo", {"tags": {"b": "2"}, "quota": {"maxJobCount": 3}})
    assert patched.document["tags"] == {"a": "1", "b": "2"}
    assert (patched.document["sku"], patched.document["quota"]) == ({"name": "Standard"}, {"maxJobCount": 3})
    replaced = await api.call("PUT", "/collections/demo", {})
    assert (replaced.status, replaced.document["sku"]) == (200, {"name": "Unlimited"})
    assert {"tags", "quota", "location"}.isdisjoint(replaced.document)


async def test_enable_and_disable_answer_with_the_collection(api: Api) -> None:
    assert (await api.call("POST", "/collections/demo/disable")).document["state"] == "Disabled"
    assert (await api.call("POST", "/collections/DEMO/enable")).document["state"] == "Enabled"


async def test_changes_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    async with running_api(store=open_store(f"sqlite:///{tmp_path / 'jobs.db'}")) as api:
        await api.call("PUT", "/collections/demo", {})
        patches: list[dict[str, Any]] = [{"tags": {f"t{n}": "x"}} for n in range(8)]
        patches.insert(4, {"state": "Disabled"})
        await asyncio.gather(*(api.call("PATCH", "/collections/demo", patch) for patch in patches))
        left = (await api.call("GET", "/collections/demo")).document
        assert (left["state"], len(left["tags"])) == ("Disabled", 8)


async def test_collections_are_listed_in_pages(api: Api) -> None:
    await api.call("PUT", "/collections/alpha", {})
    first = await api.call("GET", "/collections?$top=1")
    assert [one["name"] for one in first.document["value"]] == ["alpha"]
    second = await api.call("GET", first.document["nextLink"])
    assert ([one["name"] for one in second.document["value"]], second.document["nextLink"]) == (["demo"], None)


async def test_a_deleted_collection_takes_its_jobs_along(api: Api) -> None:
    await api.call("PUT", "/collections/demo/jobs/hello", a_job())
    assert (await api.call("DELETE", "/collections/demo")).status == 200
    assert (await api.call("DELETE", "/collections/demo")).status == 404
    await api.call("PUT", "/collections/demo", {})
    assert (await api.call("GET", "/collections/demo/jobs/hello")).status == 404


async def test_a_full_collection_refuses_another_job_and_takes_a_replacement(api: Api) -> None:
    await api.call("PUT", "/collections/demo", {"quota": {"maxJobCount": 1}})
    await api.call("PUT", "/collections/demo/jobs/one", a_job())
    assert (await api.call("PUT", "/collections/demo/jobs/two", a_job())).status == 409
    assert (await api.call("PUT", "/collections/demo/jobs/one", a_job())).status == 200


async def test_a_plan_refuses_what_is_beyond_it(api: Api) -> None:
    await api.call("PUT", "/collections/small", {"sku": {"name": "Free"}})
    fast = await api.call("PUT", "/collections/small/jobs/x", a_job(recurrence=every(5)))
    assert fast.status == 409
    assert "PT1H" in fast.document["detail"]
    assert (await api.call("PATCH", "/collections/small", {"quota": {"maxJobCount": 6}})).status == 409
    second = a_job(recurrence={"frequency": "Second", "interval": 1})
    assert (await api.call("PUT", "/collections/demo/jobs/x", second)).status == 201
    retry = {"action": {**a_job()["action"], "retryPolicy": {"retryInterval": "PT14S"}}}
    refused = await api.call("PUT", "/collections/small/jobs/x", retry)
    assert (refused.status, refused.document["field"]) == (400, "action.retryPolicy.retryInterval")


async def test_a_smaller_quota_than_there_are_jobs_is_a_conflict(api: Api) -> None:
    for name in ("a", "b"):
        await api.call("PUT", f"/collections/demo/jobs/{name}", a_job())
    assert (await api.call("PATCH", "/collections/demo", {"quota": {"maxJobCount": 1}})).status == 409
    assert "quota" not in (await api.call("GET", "/collections/demo")).document
