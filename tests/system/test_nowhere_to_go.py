"""A job's only host is threatened: its occurrences wait and are let go as the job says."""

import pytest

from tests.parts.site import Site


async def held(site: Site, count: int) -> None:
    await site.until_host(lambda hosts: hosts["db-0"]["held"] >= count)


async def cordon_until_held(site: Site, count: int, on_release: str) -> int:
    """Create a pinned job, let it run once, cordon its host, wait for `count` held occurrences, and slow it down."""
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"}, maintenance={"onRelease": on_release})
    await site.targets.until_hit("/pinned")
    await site.call("POST", "/hosts/db-0/cordon", {"reason": "a test"})
    await held(site, count)
    await site.call("PATCH", "/collections/demo/jobs/pinned", {"recurrence": {"interval": 1000}})
    return len(site.targets.hits)


async def ended(site: Site) -> dict[str, set[str]]:
    """Release the host, wait until nothing is held, and return what became of each occurrence that was."""
    await site.call("POST", "/hosts/db-0/release", {})
    await site.until_host(lambda hosts: hosts["db-0"]["held"] == 0)

    async def settled() -> bool:
        return all(len(statuses) > 1 for statuses in (await by_occurrence(site)).values())

    await site.until(settled)
    return await by_occurrence(site)


async def by_occurrence(site: Site) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in await site.history("pinned"):
        found.setdefault(row["occurrenceId"], set()).add(row["status"])
    return {occurrence: statuses for occurrence, statuses in found.items() if "Postponed" in statuses}


@pytest.mark.parametrize(
    ("on_release", "completed"), [("RunOnce", lambda held: 1), ("RunAll", lambda held: held), ("Skip", lambda _: 0)]
)
async def test_each_release_policy_ends_every_held_occurrence_its_own_way(site, on_release, completed) -> None:  # type: ignore[no-untyped-def]
    before = await cordon_until_held(site, 3, on_release)
    ends = await ended(site)
    ran = [occurrence for occurrence, statuses in ends.items() if "Completed" in statuses]
    skipped = [occurrence for occurrence, statuses in ends.items() if "Skipped" in statuses]
    assert len(ran) == completed(len(ends))
    assert len(ran) + len(skipped) == len(ends)
    assert {hit.occurrence for hit in site.targets.hits[before:]} == set(ran)


async def test_run_once_runs_the_latest_under_its_own_id_and_the_others_are_coalesced(site: Site) -> None:
    await cordon_until_held(site, 2, "RunOnce")
    ends = await ended(site)
    rows = await site.history("pinned")
    latest = max(
        ends, key=lambda occurrence: next(row["scheduledTime"] for row in rows if row["occurrenceId"] == occurrence)
    )
    assert "Completed" in ends[latest]
    assert {row["reason"] for row in rows if row["status"] == "Skipped" and row["occurrenceId"] in ends} == {
        "coalesced"
    }


async def test_held_occurrences_of_a_job_that_was_disabled_meanwhile_do_not_run(site: Site) -> None:
    before = await cordon_until_held(site, 2, "RunAll")
    await site.call("POST", "/collections/demo/jobs/pinned/disable")
    ends = await ended(site)
    assert all(statuses == {"Postponed", "Skipped"} for statuses in ends.values())
    assert "the job is disabled" in {row["reason"] for row in await site.history("pinned")}
    assert site.targets.hits[before:] == []


async def test_a_run_asked_for_on_a_cordoned_host_is_held_like_any_other(site: Site) -> None:
    await site.create_job("once", "/once", every=None, placement={"host": "db-0"}, startTime="2030-01-01T00:00:00Z")
    await site.call("POST", "/hosts/db-0/cordon", {"reason": "a test"})
    await site.call("POST", "/collections/demo/jobs/once/run")
    await held(site, 1)
    assert site.targets.hits == []
    await site.call("POST", "/hosts/db-0/release", {})
    await site.targets.until_hit("/once")
