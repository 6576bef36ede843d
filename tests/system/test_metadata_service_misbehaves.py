"""The metadata service answers errors, nonsense, or not at all while an event is on."""

import pytest

from tests.parts.site import Site


@pytest.mark.parametrize("kind", ["status", "garbage", "timeout", "html", "empty", "truncated"])
async def test_an_error_is_never_read_as_no_events(site: Site, kind: str) -> None:
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    await site.targets.until_hit("/pinned")
    event = await site.raise_event("Redeploy", "db-0", source="Platform", noticeSeconds=600)
    await site.until_host(lambda hosts: hosts["db-0"]["held"] > 0)
    await site.azure("PUT", "/faults", {"kind": kind, "status": 500})
    before = len(site.targets.hits)
    await site.watcher_says("db-0", poll_ok=False)
    await site.until_host(lambda hosts: hosts["db-0"]["held"] > 2)
    assert (await site.event(event))["outcome"] == "active"
    assert len(site.targets.hits) == before
    await site.azure("PUT", "/faults", [])
    await site.azure("POST", f"/events/{event}/cancel")
    await site.targets.until_hit("/pinned", after=before)
