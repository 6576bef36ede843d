"""The scheduler dies, or is asked to leave, while executions run and jobs are due."""

from datetime import datetime, timedelta
from itertools import pairwise

from tests.parts.recorder import Hit
from tests.parts.site import Site


def dues(hits: list[Hit], path: str) -> set[str]:
    return {hit.due for hit in hits if hit.path == path}


async def test_what_ran_at_the_kill_runs_again_under_its_id_with_a_higher_attempt(site: Site) -> None:
    await site.create_job("dump", "/gated", every=None, placement={"host": "db-0"})
    first = await site.targets.until_hit("/gated")
    await site.scheduler.kill()
    site.targets.gate.set()
    await site.scheduler.start()
    again = await site.targets.until_hit("/gated", after=1)
    assert (again.occurrence, again.attempt) == (first.occurrence, first.attempt + 1)
    await site.ready()
    await site.until(lambda: completed(site, "dump", first.occurrence))
    assert (await site.job("dump"))["state"] == "completed"


async def completed(site: Site, job: str, occurrence: str) -> bool:
    rows = await site.history(job)
    return any(row["status"] == "Completed" and row["occurrenceId"] == occurrence for row in rows)


async def test_over_several_kills_every_due_instant_ran_or_is_recorded_with_its_reason(site: Site) -> None:
    await site.create_job("tick", "/tick", placement={"host": "db-0"}, catchUp="RunAll")
    for _ in range(3):
        await site.targets.until_hit("/tick", after=len(site.targets.hits))
        await site.scheduler.kill()
        await site.scheduler.start()
        await site.ready()
    last = await site.targets.until_hit("/tick", after=len(site.targets.hits) + 1)
    await site.until(lambda: completed(site, "tick", last.occurrence))
    rows = [row for row in await site.history("tick") if row["status"] in {"Completed", "Skipped"}]
    instants = sorted({datetime.fromisoformat(row["scheduledTime"]) for row in rows})
    assert {later - earlier for earlier, later in pairwise(instants)} == {timedelta(seconds=1)}
    assert all(row["reason"] for row in rows if row["status"] == "Skipped")


async def test_repeats_after_kills_carry_the_same_id_and_a_higher_attempt(site: Site) -> None:
    await site.create_job("tick", "/tick", placement={"host": "db-0"}, overlap="Allow")
    for _ in range(2):
        await site.targets.until_hit("/tick", after=len(site.targets.hits))
        await site.scheduler.kill()
        await site.scheduler.start()
        await site.ready()
    await site.targets.until_hit("/tick", after=len(site.targets.hits) + 1)
    for due in dues(site.targets.hits, "/tick"):
        repeats = [hit for hit in site.targets.hits if hit.due == due]
        assert len({hit.occurrence for hit in repeats}) == 1
        assert [hit.attempt for hit in repeats] == sorted({hit.attempt for hit in repeats})


async def test_a_scheduler_asked_to_leave_lets_what_runs_finish_and_repeats_nothing(site: Site) -> None:
    await site.create_job("dump", "/gated", every=None, placement={"host": "db-0"})
    running = await site.targets.until_hit("/gated")
    site.targets.gate.set()
    assert await site.scheduler.stop() == 0
    await site.scheduler.start()
    await site.ready()
    assert await completed(site, "dump", running.occurrence)
    assert [hit.attempt for hit in site.targets.hits] == [1]


async def test_an_event_that_is_on_while_the_scheduler_starts_is_respected_from_the_first_occurrence(
    site: Site,
) -> None:
    await site.create_job("pinned", "/pinned", placement={"host": "db-0"})
    await site.targets.until_hit("/pinned")
    await site.scheduler.kill()
    await site.raise_event("Redeploy", "db-0", source="Platform", noticeSeconds=600)
    before = len(site.targets.hits)
    await site.watcher_has_published("db-0", "Redeploy")
    await site.scheduler.start()
    await site.ready()
    await site.until_host(lambda hosts: hosts.get("db-0", {}).get("held", 0) > 0)
    assert len(site.targets.hits) == before
