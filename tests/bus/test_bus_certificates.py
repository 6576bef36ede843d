"""Who is at the other end: certificates of the broker and of its clients, and what is said when one is not accepted."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from shared.bus import Bus, BusSettings, BusSettingsError, check_settings
from shared.bus.credentials import tls_context
from tests.parts.buses import running
from tests.parts.certificates import Authority, self_signed
from tests.parts.mosquitto import Mosquitto
from tests.parts.shipped_broker import ShippedBroker
from tests.parts.waiting import until

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[ShippedBroker]:
    async with ShippedBroker(tmp_path / "broker") as running_broker:
        yield running_broker


def changed(settings: BusSettings, **changes: object) -> BusSettings:
    return msgspec.structs.replace(settings, **changes)


async def trouble(settings: BusSettings, *, stay: float = 0) -> str:
    """Return what readiness says of a bus that is not let in, after `stay` more seconds of trying."""
    async with running(Bus(settings, client_id="db-0"), settled=False) as bus:

        async def is_told() -> bool:
            return bus.problems.get("broker", "") not in ("", "not connected yet")

        await until(is_told)
        assert not await bus.settled(stay)
        return bus.problems["broker"]


async def test_a_client_with_a_certificate_of_the_authority_gets_in(broker: ShippedBroker) -> None:
    async with running(Bus(broker.settings("db-0"), client_id="db-0")) as bus:
        assert bus.connected


async def test_a_broker_of_another_authority_is_not_spoken_to(broker: ShippedBroker, tmp_path: Path) -> None:
    settings = changed(broker.settings("db-0"), ca=Authority("another").file(tmp_path))
    assert "the broker's certificate is not trusted" in await trouble(settings)


async def test_a_broker_with_another_name_on_its_certificate_is_not_spoken_to(broker: ShippedBroker) -> None:
    broker.show("another.example.net")
    await broker.restart()
    assert "Hostname mismatch" in await trouble(broker.settings("db-0"))


async def test_a_broker_whose_certificate_has_expired_is_not_spoken_to(broker: ShippedBroker) -> None:
    broker.show("localhost", expires=YESTERDAY)
    await broker.restart()
    assert "certificate has expired" in await trouble(broker.settings("db-0"))


async def test_a_client_without_a_certificate_learns_that_it_needs_one(broker: ShippedBroker) -> None:
    said = await trouble(changed(broker.settings("db-0"), cert=None, key=None))
    assert "the broker does not accept our certificate" in said
    assert "certificate required" in said


async def test_a_client_whose_certificate_has_expired_learns_so(broker: ShippedBroker) -> None:
    assert "certificate expired" in await trouble(broker.settings("db-0", expires=YESTERDAY))


async def test_a_client_of_another_authority_is_not_let_in(broker: ShippedBroker) -> None:
    assert "unknown ca" in await trouble(broker.settings("db-0", by=Authority("another")))


async def test_an_anonymous_client_without_tls_gets_nothing(broker: ShippedBroker) -> None:
    url = broker.url.replace("mqtts://", "mqtt://")
    assert "hung up" in await trouble(BusSettings(url=url))


async def test_a_certificate_that_is_not_trusted_is_not_tried_again_at_once() -> None:
    visits: list[str] = []
    context = self_signed("localhost").serving()
    context.sni_callback = lambda _socket, name, _context: visits.append(name)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        url = f"mqtts://localhost:{server.sockets[0].getsockname()[1]}"
        assert "not trusted" in await trouble(BusSettings(url=url), stay=1)
    assert visits == ["localhost"]


async def test_a_certificate_renewed_on_disk_is_used_at_the_next_attempt(broker: ShippedBroker) -> None:
    bus = Bus(broker.settings("db-0", expires=YESTERDAY), client_id="db-0", refused_pause=0.2)
    async with running(bus, settled=False):

        async def is_refused() -> bool:
            return "expired" in bus.problems.get("broker", "")

        await until(is_refused)
        broker.settings("db-0")  # over the same files
        assert await bus.settled(10)


async def test_a_certificate_and_key_that_do_not_belong_together_are_told_and_tried_again(
    broker: ShippedBroker,
) -> None:
    settings = broker.settings("db-0")
    other = broker.settings("db-1")
    bus = Bus(settings, client_id="db-0", refused_pause=0.2)
    assert settings.cert is not None
    assert other.key is not None
    assert settings.key is not None
    sound = settings.key.read_bytes()
    settings.key.write_bytes(other.key.read_bytes())
    async with running(bus, settled=False):

        async def is_told() -> bool:
            return "cannot be used" in bus.problems.get("broker", "")

        await until(is_told)
        settings.key.write_bytes(sound)
        assert await bus.settled(10)


async def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    context = tls_context(BusSettings(url="mqtts://localhost"), urlsplit("mqtts://localhost"))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_certificates_without_tls_are_told_before_anything_is_sent(broker: ShippedBroker) -> None:
    settings = broker.settings("db-0")
    with pytest.raises(BusSettingsError, match="write mqtts://"):
        check_settings(changed(settings, url=settings.url.replace("mqtts://", "mqtt://")))
    with pytest.raises(BusSettingsError, match="no certificate"):
        check_settings(changed(settings, cert=None))


async def test_a_password_comes_from_a_file_that_is_read_for_each_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    async with with_password(tmp_path, "db-0", "of today") as broker:
        url = broker.url.replace("mqtt://", "mqtt://db-0@")
        file.write_text("of yesterday\n")
        bus = Bus(BusSettings(url=url, password_file=file), client_id="db-0", refused_pause=0.2)
        async with running(bus, settled=False):

            async def is_refused() -> bool:
                return "refused by" in bus.problems.get("broker", "")

            await until(is_refused)
            assert "yesterday" not in str(bus.problems)
            file.write_text("of today\n")
            assert await bus.settled(10)


def with_password(folder: Path, user: str, password: str) -> Mosquitto:
    """Return a Mosquitto that lets one user in."""
    passwords = folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", str(passwords), user, password], check=True, capture_output=True)
    return Mosquitto(folder / "broker", lines=f"allow_anonymous false\npassword_file {passwords}\n")


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1", "mqtt://db-0:secret@127.0.0.1"], ids=["no user", "two passwords"])
def test_a_password_file_needs_a_user_and_no_other_password(url: str, tmp_path: Path) -> None:
    with pytest.raises(BusSettingsError, match="password") as refused:
        check_settings(BusSettings(url=url, password_file=tmp_path / "password"))
    assert "secret" not in str(refused.value)


def test_a_password_file_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BusSettingsError, match="password file"):
        check_settings(BusSettings(url="mqtt://db-0@127.0.0.1", password_file=tmp_path / "absent"))
