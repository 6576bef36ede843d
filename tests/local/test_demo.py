"""The demo collection, over the API itself."""

import pytest

from services.local.demo import documents, ensure_demo
from services.local.errors import DemoError
from tests.parts.fakes_api import Api, running_api


async def jobs(api: Api) -> dict[str, str]:
    """Return what each demo job calls."""
    reply = await api.call("GET", "/collections/demo/jobs")
    return {job["name"]: job["action"]["request"]["uri"] for job in reply.document["value"]}


async def test_it_is_created_once_and_then_left_alone() -> None:
    async with running_api() as api:
        await ensure_demo(api.session, api.url, 9101, moved=False)
        assert (await jobs(api)).keys() == dict(documents(9101)).keys()
        await api.call("DELETE", "/collections/demo/jobs/heartbeat")
        await ensure_demo(api.session, api.url, 9101, moved=False)
        assert "heartbeat" not in await jobs(api)


async def test_jobs_that_are_still_there_follow_their_targets_to_another_port() -> None:
    async with running_api() as api:
        await ensure_demo(api.session, api.url, 9101, moved=False)
        await api.call("DELETE", "/collections/demo/jobs/heartbeat")
        await api.call("PATCH", "/collections/demo/jobs/db-vacuum", {"state": "Disabled"})
        await ensure_demo(api.session, api.url, 9999, moved=True)
        found = await jobs(api)
        assert "heartbeat" not in found
        assert all(":9999/" in uri for uri in found.values())
        vacuum = await api.call("GET", "/collections/demo/jobs/db-vacuum")
        assert vacuum.document["state"].lower() == "disabled"


async def test_a_refusal_names_the_address_and_the_reason() -> None:
    async with running_api() as api:
        with pytest.raises(DemoError, match=r"PUT .*/nowhere/api/v1/collections/demo was answered 404"):
            await ensure_demo(api.session, f"{api.url}/nowhere", 9101, moved=False)
