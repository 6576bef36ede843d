"""A Reboot is announced; jobs with `leadTime: "auto"` use the host for as long as each of them will be done in time."""

from datetime import UTC, datetime, timedelta

from services.scheduler.domain.durations import FLOOR, LEAST
from services.scheduler.domain.threats import LEAD_MARGIN
from tests.parts.site import Json, Site

NOTICE = 14
LEAD = FLOOR + LEAD_MARGIN
"""How long before NotBefore a job stops that takes next to no time."""
JUST = timedelta(seconds=0.5)
AUTO = {"strategy": "Hold", "leadTime": "auto"}


def longest(rows: list[Json]) -> timedelta:
    """Return how long the longest attempt took."""
    return max(datetime.fromisoformat(row["endTime"]) - datetime.fromisoformat(row["startTime"]) for row in rows)


async def test_a_quick_job_stops_shortly_before_and_one_that_may_take_long_at_once(site: Site) -> None:
    placement = {"host": "db-0"}
    await site.create_job("quick", "/quick", placement=placement, maintenance=AUTO, timeout="PT30M")
    await site.targets.until(lambda hits: len(hits) > LEAST)
    resolved = (await site.job("quick"))["resolved"]
    await site.create_job("unknown", "/unknown", placement=placement, maintenance=AUTO)
    await site.targets.until_hit("/unknown")
    event = await site.raise_event("Reboot", "db-0", source="Platform", noticeSeconds=NOTICE)
    known = await site.until_event(event, lambda _: True)
    seen, not_before = datetime.now(UTC), datetime.fromisoformat(known["notBefore"])
    await site.until_event(event, lambda known: known["status"] == "Started", seconds=NOTICE + 10)
    rows = await site.history("quick")
    last = {path: max(hit.at for hit in site.targets.hits if hit.path == path) for path in ("/quick", "/unknown")}
    assert "expectedDuration" in resolved
    assert last["/unknown"] < seen + JUST
    assert last["/quick"] < not_before - LEAD + JUST
    assert last["/quick"] > not_before - LEAD - longest(rows) - timedelta(seconds=1) - JUST
    held = [row for row in rows if row["status"] == "Postponed"]
    assert "Reboot of db-0 is due at" in held[-1]["reason"]
