"""`$filter` on jobs: state, tags, several at once."""

import pytest

from tests.parts.fakes_api import Api, a_job, every

JOBS = "/collections/demo/jobs"


@pytest.fixture(autouse=True)
async def tagged(api: Api) -> None:
    """Three jobs, one of them disabled."""
    for name, tags, state in (
        ("a", {"team": "ops", "env": "prod"}, "Enabled"),
        ("b", {"team": "ops", "on call": "it's me"}, "Disabled"),
        ("c", {"team": "dev"}, "Enabled"),
    ):
        await api.call("PUT", f"{JOBS}/{name}", a_job(tags=tags, state=state, recurrence=every(5)))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("state eq Enabled", ["a", "c"]),
        ("tags/team eq 'ops'", ["a", "b"]),
        ("tags.team eq ops", ["a", "b"]),
        ("tags/team eq 'OPS'", []),
        ("TAGS/team eq 'ops' AND State EQ 'enabled'", ["a"]),
        ("tags/team eq 'ops' and tags/env eq 'prod'", ["a"]),
        ("tags/env eq 'it''s me'", []),
        ("", ["a", "b", "c"]),
    ],
)
async def test_jobs_are_found_by_state_and_tags(api: Api, text: str, names: list[str]) -> None:
    reply = await api.call("GET", f"{JOBS}?$filter={text}")
    assert [job["name"] for job in reply.document["value"]] == names


async def test_pages_keep_the_filter(api: Api) -> None:
    first = await api.call("GET", f"{JOBS}?$top=1&$filter=tags/team eq 'ops'")
    second = await api.call("GET", first.document["nextLink"])
    assert [job["name"] for job in (*first.document["value"], *second.document["value"])] == ["a", "b"]
    assert second.document["nextLink"] is None


@pytest.mark.parametrize(
    "text",
    [
        "state",
        "state eq",
        "state eq Enabled and",
        "state eq Enabled or state eq Disabled",
        "state eq Enabled and state eq Disabled",
        "state ne Enabled",
        "state eq 'Enabled",
        "name eq a",
        "tags eq a",
        "tags/ eq a",
        "state eq Enabledand tags/a eq b",
    ],
)
async def test_other_filters_are_refused_with_what_would_be_right(api: Api, text: str) -> None:
    reply = await api.call("GET", f"{JOBS}?$filter={text}")
    assert (reply.status, reply.document["field"]) == (400, "$filter")
    assert "write state eq <value>" in reply.document["detail"]


async def test_many_are_deleted_by_tag(api: Api) -> None:
    reply = await api.call("DELETE", f"{JOBS}:batch?$filter=tags/team eq 'ops'")
    assert reply.document == {"deleted": 2}
    assert (await api.call("GET", f"{JOBS}/c")).status == 200
