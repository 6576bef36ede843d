"""The programs on the shipped broker when a certificate does not hold: they say so, wait, and go on once it does."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.parts.ports import free_port
from tests.parts.programs import Program
from tests.parts.shipped_broker import ShippedBroker
from tests.parts.site import Site
from tests.parts.waiting import until

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def broker(tmp_path: Path) -> ShippedBroker:
    return ShippedBroker(tmp_path / "broker")


@pytest.fixture
async def site(tmp_path: Path, broker: ShippedBroker) -> AsyncIterator[Site]:
    async with Site(tmp_path, hosts=("db-0",), settings={}, broker=broker).running() as running:
        yield running


async def readiness(site: Site) -> tuple[int, str]:
    async with site.session.get(f"http://127.0.0.1:{site.watcher_ops['db-0']}/readyz") as reply:
        return reply.status, await reply.text()


async def test_jobs_run_and_the_log_says_why_the_bus_does_not(site: Site, broker: ShippedBroker) -> None:
    broker.settings("leeward-scheduler", expires=YESTERDAY)
    await broker.restart()

    async def is_told() -> bool:
        return "the broker does not accept our certificate" in site.scheduler.said

    await site.until(is_told)
    await site.create_job("backup", "/backup", placement={"host": "db-0"})
    await site.targets.until_hit("/backup")
    assert await site.metric("leeward_bus_connected") == 0
    assert site.scheduler.said.count("bus not connected") <= 3


async def test_a_watcher_whose_broker_shows_another_name_is_not_ready_and_says_why(
    site: Site, broker: ShippedBroker
) -> None:
    async def is_ready() -> bool:
        return (await readiness(site))[0] == 200

    await site.until(is_ready)
    broker.show("another.example.net")
    await broker.restart()

    async def is_told() -> bool:
        status, said = await readiness(site)
        return status == 503 and "Hostname mismatch" in said

    await site.until(is_told)
    assert "the broker's certificate is not trusted" in site.watchers["db-0"].said


@pytest.mark.parametrize("module", ["services.scheduler", "services.vmwatch"])
async def test_a_certificate_that_is_not_there_is_told_at_the_start(tmp_path: Path, module: str) -> None:
    settings = {
        "LEEWARD_MQTT_URL": "mqtts://localhost:1",
        "LEEWARD_MQTT_CERT": str(tmp_path / "absent.crt"),
        "LEEWARD_DATABASE_URL": f"sqlite:///{tmp_path}/leeward.db",
        "LEEWARD_OPS_LISTEN": f"127.0.0.1:{free_port()}",
        "LEEWARD_LISTEN": f"127.0.0.1:{free_port()}",
        "LEEWARD_HOST": "db-0",
    }
    async with Program(module, log=tmp_path / "log", settings=settings) as program:

        async def has_ended() -> bool:
            return program.has_ended

        await until(has_ended)
        assert await program.stop() == 2
        assert "the certificate files for localhost cannot be used" in program.said
