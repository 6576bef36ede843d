"""A canary in every secret: whatever the pair emits and stores, none is heard."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import FormData

from tests.parts.canaries import Json
from tests.parts.canary_jobs import STOPPED, CanaryJobs
from tests.parts.canary_site import CanarySite
from tests.parts.postgres import Postgres
from tests.parts.waiting import until

pytestmark = pytest.mark.system

DEMO = "/api/v1/collections/demo"
ARM_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/default"
ARM = f"{ARM_GROUP}/providers/Microsoft.Scheduler/jobCollections"
DATED = "?api-version=2016-03-01"
DATABASE_PASSWORD = "canary0database0password0"
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.postgresql)


@pytest.fixture(params=["sqlite", POSTGRESQL])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CanarySite]:
    """A running pair on each kind of database; everything that it stores is kept at the end."""
    url = f"sqlite:///{tmp_path}/leeward.db"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = (await server.new_database()).replace("postgres@", f"postgres:{DATABASE_PASSWORD}@")
    made = CanarySite(tmp_path, url)
    made.canaries.mark("database password", DATABASE_PASSWORD.encode())
    async with made.running():
        yield made


async def test_nobody_hears_a_secret(site: CanarySite) -> None:
    jobs = CanaryJobs(site.canaries, site.parrot).all()
    assert (await site.ask("PUT", DEMO, {}))["httpStatus"] < 300
    for name, document in jobs.items():
        written = await site.ask("PUT", f"{DEMO}/jobs/{name}", document)
        assert written["httpStatus"] == 201, written
    await _stop_some(site)
    await _all_ran(site, jobs)
    await _rotate(site)
    assert (await site.ask("POST", f"{DEMO}/jobs/works-basic/run"))["httpStatus"] < 300
    await until(lambda: _heard_twice(site))
    await _read_everything(site, jobs)
    await _ask_wrongly(site, jobs)
    await site.command("export", "demo")
    await site.command("export", "demo", "--format", "leeward", "--output", "yaml")
    await _read_store(site)
    site.read_logs()
    assert site.betrayed() == []
    _listened(site)


def _listened(site: CanarySite) -> None:
    """Nothing was heard because nothing was said? No."""
    assert len(site.canaries.places) > 40
    said = {where.partition(":")[0]: what for where, what in site.heard}
    assert b"invalid_client" in said[f"GET {DEMO}/jobs/fails-3/history"]
    assert b"Authorization" in said[f"GET {DEMO}/jobs/fails-0/history"]
    for number in range(len(STOPPED)):
        assert b"; cancel request: " in said[f"GET {DEMO}/jobs/stopped-{number}/history"]
    assert {"stream", "metrics", "scheduler.log", "vmwatch.log"} <= said.keys()
    assert len([where for where in said if where.startswith("topic ")]) > 5
    refused = [where for where, _ in site.heard if where.endswith((": 400", ": 401"))]
    assert len(refused) > 25


async def _stop_some(site: CanarySite) -> None:
    """Cordon the host while executions run there: each target is sent a cancel request, and repeats it."""

    async def running() -> bool:
        return len([one for one in site.parrot.heard if one.path == "/slow"]) == len(STOPPED)

    await until(running, seconds=20)
    assert (await site.ask("POST", "/api/v1/hosts/db-0/cordon", {"reason": "a test"}))["httpStatus"] == 200


async def _all_ran(site: CanarySite, jobs: dict[str, Json]) -> None:
    for name, document in jobs.items():
        wanted = 2 if "errorAction" in document["action"] else 1

        async def ran(name: str = name, wanted: int = wanted) -> bool:
            rows = (await site.ask("GET", f"{DEMO}/jobs/{name}/history"))["value"]
            return len(rows) >= wanted

        await until(ran, seconds=40)


async def _heard_twice(site: CanarySite) -> bool:
    """Whether the target was shown the same password before and after the rotation."""
    shown = site.parrot.passwords("/ok/basic")
    return len(shown) == 2 and len(set(shown)) == 1


async def _rotate(site: CanarySite) -> None:
    before = site.keys.read_text()
    await site.command("keys", "rotate", str(site.keys), "--at-once")
    new = site.keys.read_text().removeprefix(before).split()[0]

    async def resealed() -> bool:
        is_done = new in site.scheduler.said and "secrets resealed" in site.scheduler.said
        return is_done and await site.metric("leeward_secrets_under_old_keys") == 0

    await until(resealed, seconds=30)
    await site.command("keys", "list", str(site.keys))


async def _read_everything(site: CanarySite, jobs: dict[str, Json]) -> None:
    for path in ("/", "/sign-in", "/openapi.json", "/api/v1/hosts", "/api/v1/events"):
        await site.ask("GET", path)
    for path in ("/api/v1/audit", "/api/v1/collections", DEMO, f"{DEMO}/jobs", f"{ARM}{DATED}", f"{ARM}/demo{DATED}"):
        await site.ask("GET", path)
    await site.ask("GET", f"{ARM}/demo/jobs{DATED}")
    for name in jobs:
        for part in ("", "/history", "/occurrences"):
            assert (await site.ask("GET", f"{DEMO}/jobs/{name}{part}"))["httpStatus"] == 200
        for part in ("", "/history"):
            assert (await site.ask("GET", f"{ARM}/demo/jobs/{name}{part}{DATED}"))["httpStatus"] == 200
        patched = await site.ask("PATCH", f"{DEMO}/jobs/{name}", {"tags": {"seen": "yes"}, "state": "Enabled"})
        assert patched["httpStatus"] == 200, patched


async def _ask_wrongly(site: CanarySite, jobs: dict[str, Json]) -> None:
    """Send secrets where they cannot be taken: every refusal is read as well."""
    plant = site.canaries.plant
    for number, wrong in enumerate(_wrong_requests(plant)):
        document = {"action": {"type": "Https", "request": {"uri": "https://api.test/", **wrong}}}
        for path, body in (
            (f"{DEMO}/jobs/wrong-{number}", document),
            (f"{ARM}/demo/jobs/wrong-{number}{DATED}", {"properties": document}),
        ):
            await site.ask("PUT", path, body)
    for method, path in (("PUT", f"{DEMO}/jobs/torn"), ("POST", f"{DEMO}/jobs:batch")):
        await site.ask(method, path, data=f'{{"action": {{"password": "{plant("torn JSON")}"')
    await site.ask("PATCH", f"{DEMO}/jobs/fails-0", {"action": {"request": {"uri": "https://elsewhere.test/"}}})
    await site.ask("GET", "/api/v1/collections", token=plant("wrong token"))
    await site.ask("POST", "/sign-in", data=FormData({"token": plant("mistyped token")}))


def _wrong_requests(plant: Any) -> list[Json]:
    basic = {"type": "Basic", "username": "me"}
    wrong: list[Json] = [
        {**basic, "password": [plant("password in a list")]},
        {**basic, "password": {"is": plant("password in an object")}},
        {**basic, "username": "a:b", "password": plant("password beside a bad name")},
        {"type": "Basic", "password": plant("password without a name")},
        {**basic, "password": plant("password far too long") * 5000},
        {**basic, "password": "\x00" + plant("password with a zero")},
        {**basic, "pasword": plant("field misspelt")},
        {"type": "Bearer", "password": plant("password of an unknown type")},
        {"type": "ClientCertificate", "pfx": plant("pfx that is none")},
        {"type": "ClientCertificate", "pfx": "AAAA", "password": plant("password of no pfx")},
        {"type": "ActiveDirectoryOAuth", "secret": plant("OAuth without a tenant")},
    ]
    signed: list[Json] = [{"webhookSecret": plant("webhookSecret")}, {"webhookSecret": f"whsec_{plant('short')}"}]
    return [*({"authentication": one} for one in wrong), *signed]


async def _read_store(site: CanarySite) -> None:
    content = b"".join(file.read_bytes() for file in site.folder.glob("leeward.db*"))
    if site.database_url.startswith("postgresql"):
        content = await _dump(site.database_url)
    assert b"sealed" in content
    site.heard += [("store", content), ("tokens file", (site.folder / "tokens").read_bytes())]


async def _dump(url: str) -> bytes:
    """Return every row of every table as text."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [row for (table,) in tables for row in await connection.fetch(f"SELECT t::text FROM {table} t")]
    finally:
        await connection.close()
    return "\n".join(row[0] for row in rows).encode()
