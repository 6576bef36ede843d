"""The whole round of a job over the store that people run."""

from pathlib import Path

from services.scheduler.store.open import open_store
from tests.parts.api_work import run_due
from tests.parts.fakes_api import a_job, every, running_api


async def test_a_job_lives_its_life_in_a_file(tmp_path: Path) -> None:
    hello = "/collections/demo/jobs/hello"
    async with running_api(store=open_store(f"sqlite:///{tmp_path}/leeward.db")) as api:
        await api.call("PUT", "/collections/demo", {"tags": {"a": "b"}})
        assert (await api.call("PUT", hello, a_job(recurrence=every(5, count=2)))).status == 201
        await run_due(api)
        patched = await api.call("PATCH", hello, {"timeout": "PT5S"})
        assert patched.document["status"]["nextExecutionTime"] == "2026-03-02T12:05:00Z"
        assert (await api.call("POST", f"{hello}/run")).status == 200
        assert len((await api.call("GET", f"{hello}/history")).document["value"]) == 1
        batch = {"value": [a_job(name=f"job-{number}") for number in range(700)]}
        assert (await api.call("POST", "/collections/demo/jobs:batch", batch)).status == 200
        deleted = await api.call("DELETE", "/collections/demo/jobs:batch?$filter=state eq Enabled")
        assert deleted.document == {"deleted": 701}
        assert (await api.call("DELETE", "/collections/demo")).status == 200
