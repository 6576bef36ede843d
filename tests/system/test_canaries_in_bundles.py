"""A canary in every secret, in the words of operators, and in logs of others: no bundle has one, and it tells much."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.parts.canary_jobs import CanaryJobs
from tests.parts.canary_site import CanarySite
from tests.parts.waiting import until

pytestmark = pytest.mark.system

DEMO = "/api/v1/collections/demo"


async def test_no_bundle_holds_a_secret(tmp_path: Path) -> None:
    site = CanarySite(tmp_path, f"sqlite:///{tmp_path}/leeward.db")
    async with site.running():
        await _written(site)
        log = _foreign_log(site)
        file = tmp_path / "bundle.zip"
        await site.command(*site.bundling(file, log))
        await site.command(*site.bundling(tmp_path / "anonymous.zip", log), "--anonymous")
        pages, anonymous = _pages(file), _pages(tmp_path / "anonymous.zip")
        whole = "\n".join([*pages, *pages.values(), *anonymous.values()])
        assert site.canaries.heard_in(whole.encode()) == []
        assert len(site.canaries.places) > 20
    _tells(pages)
    assert "db-0" not in "".join(anonymous.values())
    assert "host-" in anonymous["hosts.json"]
    assert file.stat().st_mode & 0o777 == 0o600


async def _written(site: CanarySite) -> None:
    """Put secrets wherever a caller can put any: those of actions, addresses, bodies, headers, tags, reasons."""
    plant = site.canaries.plant
    assert (await site.ask("PUT", DEMO, {"tags": {"a": plant("tag of a collection")}}))["httpStatus"] < 300
    for name, document in CanaryJobs(site.canaries, site.parrot).all().items():
        assert (await site.ask("PUT", f"{DEMO}/jobs/{name}", document))["httpStatus"] == 201
    uri = f"http://127.0.0.1:{site.parrot.port}/ok/{plant('path')}?x={plant('query')}"
    request = {"uri": uri, "method": "POST", "body": plant("body"), "headers": {"X-A": plant("header")}}
    cancel = {"cancel": {"request": {"uri": uri, "method": "POST", "body": plant("body of a cancel request")}}}
    odd = {"action": {"request": request}, "tags": {"t": plant("tag")}, "maintenance": cancel}
    written = await site.ask("PUT", f"{DEMO}/jobs/odd", odd)
    assert written["httpStatus"] == 201, written
    cordon = {"reason": plant("reason of a cordon")}
    assert (await site.ask("POST", "/api/v1/hosts/db-0/cordon", cordon))["httpStatus"] == 200

    async def ran() -> bool:
        return bool((await site.ask("GET", f"{DEMO}/jobs/odd/history"))["value"])

    await until(ran)


def _foreign_log(site: CanarySite) -> Path:
    """Write what a proxy or an operator's script may have logged."""
    plant = site.canaries.plant
    log = site.folder / "proxy.log"
    log.write_text(
        f"GET https://leeward.test/api?code={plant('query in a log')}\n"
        f"Authorization: Bearer {plant('header in a log')}\n"
        f"export DB_PASSWORD={plant('variable in a log')}\n"
    )
    return log


def _pages(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as bundle:
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def _tells(pages: dict[str, str]) -> None:
    """A bundle without secrets because it is empty? No."""
    assert {"README.txt", "versions.json", "settings-scheduler.json", "doctor.json", "jobs.json"} <= pages.keys()
    jobs = {job["name"]: job for job in json.loads(pages["jobs.json"])}
    assert jobs["odd"]["action"]["uri"].endswith("/…")
    assert jobs["odd"]["action"]["has body"] is True
    assert json.loads(pages["hosts.json"])[0]["condition"] in ("cordoned", "drained")
    assert json.loads(pages["database.json"])["tables"]["jobs"]["rows"] == len(jobs)
    assert json.loads(pages["database.json"])["replicas"] != []
    metrics = next(text for name, text in pages.items() if name.endswith("metrics.txt"))
    assert "leeward_executions_total" in metrics
    assert any("lease begun" in text for name, text in pages.items() if name.startswith("logs/"))
    assert "What could not be had\n  nothing" in pages["README.txt"]
