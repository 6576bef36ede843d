"""The scheduler dies, or is asked to leave, while executions run and jobs are due."""

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
    await site.until(lambda: completed(site, "dump"))
    assert (await site.job("dump"))["state"] == "completed"


async def completed(site: Site, job: str) -> bool:
    return any(row["status"] == "Completed" for row in await site.history(job))


async def test_no_due_occurrence_is_lost_over_several_kills(site: Site) -> None:
    await site.create_job("tick", "/tick", placement={"host": "db-0"}, catchUp="RunAll")
    for round_number in range(3):
        await site.targets.until_hit("/tick", after=len(site.targets.hits))
        await site.scheduler.kill()
        await site.scheduler.start()
        await site.ready()
        assert await site.metric('leeward_executions_total{outcome="failed"}') == 0, round_number
    await site.targets.until_hit("/tick", after=len(site.targets.hits) + 1)
    seen = sorted(
        int(due[11:13]) * 3600 + int(due[14:16]) * 60 + int(due[17:19]) for due in dues(site.targets.hits, "/tick")
    )
    assert {later - earlier for earlier, later in pairwise(seen)} <= {1, 1 - 86400}
    for due in dues(site.targets.hits, "/tick"):
        repeats = [hit for hit in site.targets.hits if hit.due == due]
        assert len({hit.occurrence for hit in repeats}) == 1
        assert len({hit.attempt for hit in repeats}) == len(repeats)


async def test_a_scheduler_asked_to_leave_lets_what_runs_finish_and_repeats_nothing(site: Site) -> None:
    await site.create_job("dump", "/gated", every=None, placement={"host": "db-0"})
    await site.targets.until_hit("/gated")
    site.targets.gate.set()
    assert await site.scheduler.stop() == 0
    await site.scheduler.start()
    await site.ready()
    assert await completed(site, "dump")
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
