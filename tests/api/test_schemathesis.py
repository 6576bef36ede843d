"""Schemathesis makes thousands of requests out of /openapi.json and finds nothing that is not as it says."""

import re
from pathlib import Path

import pytest

from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.arm import Arm
from tests.parts.fakes_api import a_job, every, running_api
from tests.parts.schemathesis_runs import run_schemathesis

PRESENT = """
[parameters]
"path.collection" = "demo"
"path.job" = "nightly"
"path.host" = "db-0"
"path.subscription" = "sub-1"
"path.group" = "rg"

[[operations]]
include-name-regex = "(POST .*/occurrences|PATCH /api/v1/.*/jobs/.job.|PUT /subscriptions/.*/jobs/.job.)$"
phases.coverage.enabled = false
"""
"""Of the five routes that take a whole job, one that replaces and one that patches are covered field by field; they are
of different mounts, so that each way to read a document is among them."""
HOST = HostReport(
    host="db-0",
    condition=HostCondition.AVAILABLE,
    watcher="online",
    pools=("db",),
    addresses=("10.0.0.4",),
    events=(),
    running=0,
    held=0,
)


@pytest.mark.parametrize(
    ("settings", "phases", "least"),
    [(PRESENT, "examples,coverage,fuzzing", 4000), ("", "examples,fuzzing", 150)],
    ids=["what-is-there", "what-is-not-there"],
)
async def test_schemathesis_finds_nothing(tmp_path: Path, settings: str, phases: str, least: int) -> None:
    (tmp_path / "schemathesis.toml").write_text(settings)
    async with running_api(HOST, burst_reads=0, burst_writes=0) as api:
        arm = Arm(api)
        await api.call("PUT", "/collections/demo", {})
        await api.call("PUT", "/collections/demo/jobs/nightly", a_job(recurrence=every(5)))
        await arm.call("PUT", "/demo", {})
        await arm.call("PUT", "/demo/jobs/nightly", {"properties": a_job(recurrence=every(5))})
        found, said = await run_schemathesis(tmp_path, f"{api.url}/openapi.json", phases=phases, examples=5)
    assert found == 0, said
    generated = re.search(r"(\d+) generated", said)
    assert generated is not None
    assert int(generated[1]) > least
