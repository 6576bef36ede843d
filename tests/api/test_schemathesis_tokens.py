"""Schemathesis is let in nowhere without a token, and changes nothing with a reader's."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.parts.fakes_api import Api, a_job, every, running_api
from tests.parts.schemathesis_runs import CHECKS, run_schemathesis
from tests.parts.tokens import OPERATOR, READER, bearer, by_file, three_callers

PRESENT = """
[parameters]
"path.collection" = "demo"
"path.job" = "nightly"
"path.subscription" = "00000000-0000-0000-0000-000000000000"
"path.group" = "default"
"""


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """An API with a job that asks who calls; `openapi.json` in the folder describes it."""
    (tmp_path / "schemathesis.toml").write_text(PRESENT)
    rules = by_file(three_callers(tmp_path))
    async with running_api(burst_reads=0, burst_writes=0, caller_rate=0, rules=rules) as api:
        operator = bearer(OPERATOR)
        await api.call("PUT", "/collections/demo", {"sku": {"name": "Standard"}}, **operator)
        await api.call("PUT", "/collections/demo/jobs/nightly", a_job(recurrence=every(5)), **operator)
        description = (await api.call("GET", f"{api.url}/openapi.json", **operator)).document
        (tmp_path / "openapi.json").write_bytes(msgspec.json.encode(description))
        yield api


def generated(said: str) -> int:
    """Return how many requests were made, by the report."""
    found = re.search(r"(\d+) generated", said)
    assert found is not None, said
    return int(found[1])


@pytest.mark.parametrize(
    ("headers", "check"),
    [({}, "nobody_is_answered"), (bearer(READER), "nothing_is_changed")],
    ids=["no-token", "reader"],
)
async def test_who_may_not_is_refused_whatever_is_asked(
    api: Api, tmp_path: Path, headers: dict[str, str], check: str
) -> None:
    before = await api.stored()
    found, said = await run_schemathesis(
        tmp_path,
        "openapi.json",
        address=api.url,
        phases="examples,fuzzing",
        examples=2,
        checks=(*CHECKS, check),
        headers=headers,
    )
    assert found == 0, said
    assert generated(said) > 80
    assert await api.stored() == before
