"""The doctor at real brokers: each trouble is told apart, and who is at work there notices nothing."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from services.operations.doctor import as_scheduler, as_vmwatch
from services.operations.doctor.broker import Bus as Patient
from services.operations.doctor.broker import examine_broker
from services.operations.doctor.findings import Finding, Result
from shared.bus import Bus, BusSettings, Publication
from shared.clock import SystemClock
from shared.messages import HostStatus, Inventory, Presence, encode
from shared.topics import HostKey, Topics
from tests.parts.buses import running
from tests.parts.certificates import Authority
from tests.parts.doctoring import failed, findings_of, results, troubles
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.parts.shipped_broker import ShippedBroker

TOPICS = Topics()
HOST = HostKey("db-0")


def as_scheduler_there(settings: BusSettings) -> Patient:
    async def identity() -> str:
        return as_scheduler.IDENTITY

    clock = SystemClock()
    rights = as_scheduler.rights(TOPICS, clock)
    return Patient(settings=settings, topics=TOPICS, clock=clock, identity=identity, rights=lambda _: rights)


def as_watcher_there(settings: BusSettings) -> Patient:
    async def identity() -> str:
        return HOST

    rights = as_vmwatch.rights(TOPICS, HOST)
    return Patient(settings=settings, topics=TOPICS, clock=SystemClock(), identity=identity, rights=lambda _: rights)


async def examined(patient: Patient) -> list[Finding]:
    return await findings_of(lambda notes: examine_broker(patient, notes))


@pytest.fixture
async def shipped(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    async with ShippedBroker(tmp_path / "shipped") as broker:
        yield broker


async def test_a_broker_that_is_not_there_is_told_as_a_missing_line() -> None:
    found = await examined(as_scheduler_there(BusSettings(url=f"mqtt://127.0.0.1:{free_port()}")))
    assert failed(found).check == "line"
    assert "Connection refused" in failed(found).message
    assert results(found)["login"] is Result.NOT_CHECKED


async def test_a_name_that_nobody_knows_is_told_as_such() -> None:
    found = await examined(as_scheduler_there(BusSettings(url="mqtt://broker.invalid")))
    assert failed(found).check == "name"
    assert "broker.invalid" in failed(found).message


async def test_another_authority_is_told_with_what_to_change(shipped: ShippedBroker, tmp_path: Path) -> None:
    other = Authority("another").file(tmp_path)
    found = await examined(as_scheduler_there(replace(shipped.settings("leeward-scheduler"), ca=other)))
    assert failed(found).check == "tls"
    assert "LEEWARD_MQTT_CA" in failed(found).remedy


async def test_a_certificate_for_another_name_is_told(tmp_path: Path) -> None:
    broker = ShippedBroker(tmp_path / "shipped")
    broker.show("mqtt.example.net")
    async with broker:
        found = await examined(as_scheduler_there(broker.settings("leeward-scheduler")))
    assert failed(found).check == "tls"
    assert "dial the broker by a name" in failed(found).remedy


async def test_an_expired_certificate_of_the_broker_is_told(tmp_path: Path) -> None:
    broker = ShippedBroker(tmp_path / "shipped")
    broker.show("localhost", expires=datetime.now(UTC) - timedelta(hours=1))
    async with broker:
        found = await examined(as_scheduler_there(broker.settings("leeward-scheduler")))
    assert "expired" in failed(found).message
    assert "renew the broker's certificate" in failed(found).remedy


async def test_a_certificate_that_the_broker_does_not_take_is_told(shipped: ShippedBroker) -> None:
    settings = shipped.settings("leeward-scheduler", by=Authority("another"))
    found = await examined(as_scheduler_there(settings))
    assert failed(found).check == "login"
    assert "LEEWARD_MQTT_CERT" in failed(found).remedy


async def test_a_broker_without_tls_is_told(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path / "broker") as broker:
        found = await examined(as_scheduler_there(BusSettings(url=broker.url.replace("mqtt:", "mqtts:"))))
    assert failed(found).check == "tls"
    assert "does not speak TLS" in failed(found).remedy or "no answer" in failed(found).message


async def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    await asyncio.to_thread(
        subprocess.run, ["mosquitto_passwd", "-c", "-b", str(passwords), "leeward-scheduler", "right"], check=True
    )
    lines = f"allow_anonymous false\npassword_file {passwords}\n"
    async with Mosquitto(tmp_path / "broker", lines=lines) as broker:
        url = broker.url.replace("://", "://leeward-scheduler:wrongword@")
        found = await examined(as_scheduler_there(BusSettings(url=url)))
    assert failed(found).check == "login"
    assert "password" in failed(found).remedy
    assert "wrongword" not in str(found)


async def test_what_the_access_rules_deny_is_named_with_its_topic(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\ntopic write leeward/v1/scheduler/+/status\n")
    async with Mosquitto(tmp_path / "broker", lines=f"acl_file {acl}\n") as broker:
        found = await examined(as_scheduler_there(BusSettings(url=broker.url)))
    denied = [finding for finding in found if finding.result is Result.FAILED]
    assert [finding.check for finding in denied] == ["writing", "writing"]
    assert "commands/approve" in denied[1].message
    assert "let it write" in denied[1].remedy


async def test_what_may_be_written_and_not_read_is_told(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic write #\n")
    async with Mosquitto(tmp_path / "broker", lines=f"acl_file {acl}\n") as broker:
        found = await examined(as_scheduler_there(BusSettings(url=broker.url)))
    assert any("does not come back" in message for message in troubles(found))


async def test_a_limit_that_is_too_low_is_told(tmp_path: Path) -> None:
    async with Mosquitto(tmp_path / "broker", lines="max_packet_size 20000\n") as broker:
        found = await examined(as_scheduler_there(BusSettings(url=broker.url)))
    assert failed(found).check == "limits"
    assert "20000 bytes" in failed(found).message


async def test_a_schedulers_rights_on_the_shipped_broker_are_proven(shipped: ShippedBroker) -> None:
    found = await examined(as_scheduler_there(shipped.settings("leeward-scheduler")))
    assert [each.message for each in found if each.result is Result.FAILED] == []
    proven = " ".join(each.message for each in found if each.check.startswith("writing"))
    assert "schedulers' status: it came back" in proven
    assert "commands to watchers" in proven


async def test_a_certificate_of_another_host_is_told(shipped: ShippedBroker) -> None:
    found = await examined(as_watcher_there(shipped.settings("db-1")))
    assert results(found)["identity"] is Result.WARNING
    assert any("may not write" in message for message in troubles(found))


async def test_a_watchers_rights_are_proven_where_none_is_at_work(shipped: ShippedBroker) -> None:
    found = await examined(as_watcher_there(shipped.settings(HOST)))
    proven = [each.message for each in found if each.check == "writing and reading"]
    assert [each.message for each in found if each.result is Result.FAILED] == []
    assert [message.split("read ")[1] for message in proven] == [
        f"its {part}: it came back" for part in ("status", "inventory", "events")
    ]


async def test_a_watcher_at_work_says_nothing_again_because_of_the_doctor(shipped: ShippedBroker) -> None:
    heard = Listener()
    watcher = Bus(shipped.settings(HOST), client_id="watcher")
    reader = Bus(shipped.settings("leeward-reader"), client_id="reader")
    reader.subscribe(TOPICS.all_hosts("+"), heard)
    async with running(watcher), running(reader):
        watcher.keep(TOPICS.inventory(HOST), encode(Inventory(host=HOST)))
        watcher.keep(TOPICS.status(HOST), encode(status()))
        assert await watcher.settled(10)
        found = await examined(as_watcher_there(shipped.settings(HOST)))
        await reader.flush(1)
        assert watcher.problems == {}
    assert "db-0 may write and read its inventory: it came back" in [each.message for each in found]
    said = [each for each in heard.deliveries if not each.retained]
    assert [each.topic for each in said].count(TOPICS.status(HOST)) <= 1
    assert {each.payload for each in said if each.topic == TOPICS.inventory(HOST)} == {encode(Inventory(host=HOST))}


async def test_nothing_stays_on_the_broker(shipped: ShippedBroker) -> None:
    await examined(as_scheduler_there(shipped.settings("leeward-scheduler")))
    await examined(as_watcher_there(shipped.settings(HOST)))
    heard = Listener()
    reader = Bus(shipped.settings("leeward-reader"), client_id="reader")
    reader.subscribe("leeward/v1/#", heard)
    async with running(reader):
        assert await reader.settled(10)
    assert [each.topic for each in heard.deliveries] == []


async def test_silent_and_offline_watchers_are_named(tmp_path: Path) -> None:
    async with (
        Mosquitto(tmp_path / "broker") as broker,
        running(Bus(BusSettings(url=broker.url), client_id="a")) as bus,
    ):
        for host, said in (("db-1", status("db-1", late=timedelta(minutes=2))), ("db-2", status("db-2", gone=True))):
            await bus.publish(Publication(topic=TOPICS.status(HostKey(host)), payload=encode(said), retain=True))
        found = await examined(as_scheduler_there(BusSettings(url=broker.url)))
    assert any(message.startswith("db-1: silent") for message in troubles(found))
    assert any(message.startswith("db-2: offline") for message in troubles(found))


def status(host: str = HOST, *, late: timedelta = timedelta(), gone: bool = False) -> HostStatus:
    state = Presence.OFFLINE if gone else Presence.ONLINE
    return HostStatus(host=host, session="s", state=state, at=datetime.now(UTC) - late, poll_ok=True)
