"""The database is lost for good while jobs run and an event is on; a backup taken under way brings the site back."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.parts.postgres import Postgres
from tests.parts.replicas import missing
from tests.parts.site import Site
from tests.parts.watched_team import WatchedTeam, restart

PINNED: dict[str, Any] = {"placement": {"host": "db-0"}, "maintenance": {"onRelease": "RunAll"}}
LATE: dict[str, Any] = {"overlap": "Allow", "catchUp": "RunAll"}


async def leeward(*words: str) -> None:
    """Run the command, which must do it."""
    command = (sys.executable, "-m", "services.client", *words)
    ran = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await ran.communicate()
    assert ran.returncode == 0, said


async def begun(site: Site) -> tuple[str, int]:
    """Create jobs of which some run, one is under way and some are held by an event; return that, and how many are."""
    await site.create_job("tick", "/tick-0", placement={"host": "db-1"}, **LATE)
    await site.create_job("fleeting", "/fleeting", placement={"host": "db-1"}, overlap="Allow", catchUp="Skip")
    await site.create_job("pinned", "/pinned", **PINNED)
    await site.targets.until_hit("/pinned")
    event = await site.raise_event("Reboot", "db-0", source="Platform", status="Started", startedSeconds=600)
    await site.until_host(lambda hosts: hosts["db-0"]["held"] >= 2)
    await site.create_job("long", "/gated", every=None, placement={"host": "db-1"}, timeout="PT5M")
    await site.targets.until_hit("/gated")
    return event, (await site.host("db-0"))["held"]


def lose(folder: Path) -> None:
    """Remove the database, and what SQLite keeps beside it."""
    for file in folder.glob("leeward.db*"):
        file.unlink()


async def test_nothing_due_is_lost_and_what_was_held_is_held_until_its_event_is_over(
    site: Site, tmp_path: Path
) -> None:
    event, held = await begun(site)
    url = f"sqlite:///{tmp_path}/leeward.db"
    await leeward("backup", f"{tmp_path}/site.zip", "--database-url", url)
    await site.targets.until_hit("/tick-0", after=len(site.targets.hits) + 3)
    await site.scheduler.kill()
    lose(tmp_path)
    await leeward("restore", f"{tmp_path}/site.zip", "--database-url", url)
    seen = len(site.targets.hits)
    await site.scheduler.start()
    await site.ready()
    await _all_due(site, seen)
    assert (await site.host("db-0"))["held"] >= held
    assert [hit.path for hit in site.targets.hits[seen:]].count("/pinned") == 0
    repeated = await site.targets.until_hit("/gated", after=seen)
    assert repeated.attempt == 2
    site.targets.gate.set()
    await site.azure("POST", f"/events/{event}/finish")
    await site.until_host(lambda hosts: hosts["db-0"]["held"] == 0)
    await _each_held_ran(site)


async def _all_due(site: Site, seen: int) -> None:
    """Wait until each due instant so far was sent, or has a row that says what became of it."""
    await site.targets.until_hit("/tick-0", after=seen)
    now = datetime.now(UTC)
    await site.targets.until(lambda hits: not missing(hits, now))

    async def told() -> bool:
        due = {datetime.fromisoformat(row["scheduledTime"]) for row in await site.history("fleeting")}
        return all(
            min(due) + timedelta(seconds=number) in due for number in range(int((now - min(due)).total_seconds()))
        )

    await site.until(told)


async def _each_held_ran(site: Site) -> None:
    async def ran() -> bool:
        rows = await site.history("pinned")
        held = {row["occurrenceId"] for row in rows if row["status"] == "Postponed"}
        done = {row["occurrenceId"] for row in rows if row["status"] == "Completed"}
        return bool(held) and held <= done

    await site.until(ran)
    sent = [hit.occurrence for hit in site.targets.hits if hit.path == "/pinned"]
    assert len(sent) == len(set(sent))


@pytest.mark.postgresql
async def test_replicas_go_on_from_a_backup_when_their_server_has_lost_the_database(
    pair: WatchedTeam, postgres: Postgres, tmp_path: Path
) -> None:
    url = pair.database
    await pair.create_job("nightly", "/nightly", **PINNED, catchUp="RunAll")
    await pair.create_job("tick", "/tick-0", placement={"host": "db-1"}, **LATE)
    await pair.until_it_runs("/nightly")
    event = await pair.raise_event("db-0", status="Started", startedSeconds=600)
    await pair.until_held("nightly", 2)
    held = set(await pair.fates("nightly"))
    await leeward("backup", f"{tmp_path}/site.zip", "--database-url", url)
    for replica in pair.replicas:
        await replica.program.kill()
    await postgres.drop_database(url)
    await _create(postgres, url)
    await leeward("restore", f"{tmp_path}/site.zip", "--database-url", url)
    seen = len(pair.targets.hits)
    await restart(pair, pair.replicas)
    await pair.until_caught_up()
    assert held <= {row["occurrenceId"] for row in await pair.history("nightly")}
    assert [hit.path for hit in pair.targets.hits[seen:]].count("/nightly") == 0
    await pair.azure("POST", f"/events/{event}/finish")
    fates = await pair.until_ended("nightly")
    assert {statuses[-1] for statuses in fates.values()} == {"Completed"}


async def _create(server: Postgres, url: str) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {url.rpartition('/')[2]} TEMPLATE template0")
    finally:
        await connection.close()
