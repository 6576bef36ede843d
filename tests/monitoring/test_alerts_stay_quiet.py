"""Everyday life, judged by the rules as they are: nothing fires. What both services tell meanwhile is sound."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.parts.alerting import RULES
from tests.parts.ports import listening
from tests.parts.prometheus import Prometheus
from tests.parts.promtool import promtool
from tests.parts.reference import DOCS
from tests.parts.site import Site
from tests.parts.watched_site import scrapes_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.system]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Two watched hosts of a pool, and jobs on them."""
    async with Site(tmp_path_factory.mktemp("site"), hosts=("db-0", "db-1"), settings={}).running() as running:
        await running.create_job("pinned", "/pinned", placement={"host": "db-0"}, maintenance={"leadTime": "PT5S"})
        await running.create_job("moved", "/moved", placement={"host": "db-0", "pool": "db"})
        await running.targets.until_hit("/pinned")
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def judge(site: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """A Prometheus that judges the site by the rules as they are."""
    folder = tmp_path_factory.mktemp("prometheus")
    async with Prometheus(folder, *scrapes_of(site), rules=RULES) as running:
        await running.until_scraped()
        yield running


async def test_a_rehearsed_reboot_a_cordon_and_restarts_raise_no_alert(site: Site, judge: Prometheus) -> None:
    known = await site.raise_event("Reboot", "db-0", noticeSeconds=12, startedSeconds=2)
    await site.until_event(known, lambda found: found["outcome"] == "completed")
    await site.call("POST", "/hosts/db-1/cordon", {"reason": "new disks"})
    assert await site.watchers["db-1"].stop() == 0
    await site.watchers["db-1"].start()
    await site.broker.restart()
    assert await site.scheduler.stop() == 0
    await site.scheduler.start()
    await listening(site.api_port, seconds=60)
    await site.ready()
    await site.call("POST", "/hosts/db-1/release", {})
    await judge.until_scraped()
    await site.until_condition("db-1", "available")
    fired = await judge.query('count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[10m]))')
    assert [each.metric["alertname"] for each in fired] == []
    assert judge.said == ""


async def test_recorded_figures_come_from_what_was_scraped(site: Site, judge: Prometheus) -> None:
    await judge.until_value('fleet_condition:leeward_hosts:max{condition="available"}', 2)
    await judge.until_value("sum(leeward_outcomes_written_total) > bool 0", 1)
    late = await judge.value("fleet:leeward_dispatch_lateness_seconds:p99_rate5m")
    assert late is not None
    assert 0 < late < 60
    await judge.until_value("fleet:leeward_metadata_active:ratio", 1)
    await judge.until_value("min(leeward_ready)", 1)


@pytest.mark.parametrize("service", ["leeward-scheduler", "leeward-vmwatch"])
async def test_what_a_service_tells_is_sound_and_stands_in_the_documents(site: Site, service: str) -> None:
    port = site.ops_port if service == "leeward-scheduler" else site.watcher_ops["db-0"]
    async with site.session.get(f"http://127.0.0.1:{port}/metrics") as reply:
        told = await reply.read()
    assert promtool("check", "metrics", given=told) == (True, "")
    table = (DOCS / "metrics.md").read_text().split(f"<!-- metrics of {service}: ")[1].split("<!-- end -->")[0]
    for family in text_string_to_metric_families(told.decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        row = next((row for row in table.split("\n") if row.startswith(f"| `{name}` | {family.type} | ")), None)
        if not name.endswith("_created"):
            assert row is not None, name
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            assert all(f"`{label}`" in row for label in labels), (name, labels)
