"""Something still runs on the host when its event is about to begin, and its job says what is to become of it then."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.parts.site import ADDRESSES, Site

ON_DB_0 = {"host": "db-0", "pool": "db"}
MARGIN, TELLING = timedelta(seconds=2), timedelta(seconds=5)


async def not_before(site: Site, event: str) -> datetime:
    return datetime.fromisoformat((await site.until_event(event, lambda known: bool(known["notBefore"])))["notBefore"])


async def until_drained(site: Site, event: str) -> None:
    """Wait until db-0 was empty in time, so that Azure is told to go ahead."""
    known = await site.until_event(event, lambda known: known["approval"]["state"] == "approved")
    assert known["hosts"]["db-0"]["drain"] == "drained"


async def until_rows(site: Site, number: int) -> list[dict[str, Any]]:
    async def there() -> bool:
        return len(await site.history("dump")) >= number

    await site.until(there)
    return await site.history("dump")


async def test_an_execution_moves_to_another_host_shortly_before_the_event(site: Site) -> None:
    maintenance = {"atDeadline": "Move"}
    await site.create_job("dump", "/gated", every=None, placement=ON_DB_0, maintenance=maintenance)
    first = await site.targets.until_hit("/gated", ADDRESSES["db-0"])
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=5)
    deadline = await not_before(site, event) - MARGIN
    again = await site.targets.until_hit("/gated", ADDRESSES["db-1"])
    assert (again.occurrence, again.attempt) == (first.occurrence, first.attempt + 1)
    assert timedelta(0) <= again.at - deadline < timedelta(seconds=1)
    await until_drained(site, event)
    [row] = await until_rows(site, 1)
    assert (row["status"], row["host"], row["attempt"]) == ("Failed", "db-0", 1)


async def test_a_cancelled_execution_is_told_to_stop_and_its_host_is_drained_in_time(site: Site) -> None:
    stop = {"request": {"method": "POST", "uri": f"http://{{host}}:{site.targets.port}/stop"}}
    maintenance = {"atDeadline": "Cancel", "cancel": stop}
    await site.create_job("dump", "/gated", every=None, placement=ON_DB_0, maintenance=maintenance)
    first = await site.targets.until_hit("/gated", ADDRESSES["db-0"])
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=10)
    deadline = await not_before(site, event) - MARGIN - TELLING
    told = await site.targets.until_hit("/stop", ADDRESSES["db-0"])
    assert told.headers["x-leeward-cancel"] == "true"
    assert (told.occurrence, told.attempt) == (first.occurrence, first.attempt)
    assert timedelta(0) <= told.at - deadline < timedelta(seconds=1)
    await until_drained(site, event)
    [row] = await until_rows(site, 1)
    assert row["status"] == "Failed"
    assert "; cancel request: Http Action - Response from host" in row["message"]
    assert [hit.path for hit in site.targets.hits] == ["/gated", "/stop"]


async def test_an_execution_whose_event_is_withdrawn_runs_on_beyond_its_deadline(site: Site) -> None:
    async def has_passed() -> bool:
        return datetime.now(UTC) > deadline + timedelta(seconds=1)

    await site.create_job("dump", "/gated", every=None, placement=ON_DB_0, maintenance={"atDeadline": "Cancel"})
    await site.targets.until_hit("/gated")
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=5)
    deadline = await not_before(site, event) - MARGIN
    await site.azure("POST", f"/events/{event}/cancel")
    await site.until_event(event, lambda known: known["outcome"] == "cancelled")
    await site.until(has_passed)
    site.targets.gate.set()
    [row] = await until_rows(site, 1)
    assert (row["status"], row["attempt"]) == ("Completed", 1)
