"""Publications of jobs: a connection of their own, and what the broker says of each of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from shared.bus import BusSettings, BusUnavailableError, Publication, PublicationRefusedError, Publisher
from tests.parts.buses import bus_at, running
from tests.parts.listener import Listener
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.parts.waiting import until

RULES = "user job\ntopic write plant/#\n"


@asynccontextmanager
async def publishing(url: str, **more: float) -> AsyncIterator[Publisher]:
    publisher = Publisher(BusSettings(url=url), client_id="leeward-actions-test", **more)
    try:
        yield publisher
    finally:
        await publisher.close()


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A broker that lets `job` write below plant/ only, and takes small packets only."""
    (tmp_path / "acl").write_text(RULES)
    lines = f"allow_anonymous true\nacl_file {tmp_path}/acl\nmax_packet_size 2000\n"
    async with Mosquitto(tmp_path / "broker", lines=lines) as broker:
        yield broker


def named(broker: Mosquitto) -> str:
    return broker.url.replace("://", "://job:secret@")


def publication(topic: str = "plant/1", payload: bytes = b"hello", **more: object) -> Publication:
    return Publication(**{"topic": topic, "payload": payload, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_publication_arrives_at_each_quality_of_service(mosquitto: Mosquitto, qos: int) -> None:
    heard, reader = Listener(), bus_at(mosquitto.url)
    reader.subscribe("plant/#", heard)
    async with running(reader), publishing(mosquitto.url) as publisher:
        await publisher.publish(publication(qos=qos, expiry=timedelta(hours=1), user_properties=(("a", "b"),)))
        await heard.until(bool)
        assert heard.payloads == [b"hello"]


async def test_what_is_retained_lies_there_for_whoever_comes_later(mosquitto: Mosquitto) -> None:
    heard, reader = Listener(), bus_at(mosquitto.url)
    reader.subscribe("plant/#", heard)
    async with publishing(mosquitto.url) as publisher:
        await publisher.publish(publication(retain=True))
        async with running(reader):
            await heard.until(bool)
            assert [each.retained for each in heard.deliveries] == [True]


@pytest.mark.parametrize("qos", [1, 2])
async def test_a_refusal_of_the_broker_is_told(strict: Mosquitto, qos: int) -> None:
    async with publishing(named(strict)) as publisher:
        with pytest.raises(PublicationRefusedError, match="Not authorized"):
            await publisher.publish(publication("elsewhere", qos=qos))
        await publisher.publish(publication(qos=qos))


async def test_refusals_do_not_use_up_what_may_be_under_way(strict: Mosquitto) -> None:
    async with publishing(named(strict)) as publisher:
        for number in range(100):
            with pytest.raises(PublicationRefusedError):
                await publisher.publish(publication("elsewhere", qos=2 - number % 2))
        await publisher.publish(publication(qos=2))


async def test_a_packet_that_the_broker_does_not_take_is_refused_and_harms_nobody(strict: Mosquitto) -> None:
    async with publishing(named(strict)) as publisher:
        fitting = [publisher.publish(publication(payload=b"x" * 1900)) for _ in range(10)]
        large = publisher.publish(publication(payload=b"x" * 1995))
        results = await asyncio.gather(*fitting, large, return_exceptions=True)
    assert results[:10] == [None] * 10
    assert str(results[10]) == "the broker takes packets of 2000 bytes at the most"
    assert isinstance(results[10], PublicationRefusedError)


async def test_a_broker_that_is_away_is_told_of_and_found_again(tmp_path: Path) -> None:
    port = free_port()
    async with publishing(f"mqtt://127.0.0.1:{port}") as publisher:
        with pytest.raises(BusUnavailableError, match="no connection to the broker"):
            await publisher.publish(publication())
        async with Mosquitto(tmp_path / "broker", port=port):
            await publisher.publish(publication())


async def test_whoever_waits_hears_that_the_connection_has_ended(mosquitto: Mosquitto) -> None:
    async with publishing(mosquitto.url) as publisher:
        await publisher.publish(publication())
        mosquitto.freeze()
        waiting = asyncio.create_task(publisher.publish(publication()))
        await until(lambda: _is_under_way(publisher))
        await mosquitto.kill()
        with pytest.raises(BusUnavailableError, match="connection lost"):
            await waiting
        await mosquitto.start()
        await publisher.publish(publication())


async def _is_under_way(publisher: Publisher) -> bool:
    assert publisher._ready is not None
    return bool(publisher._ready.result()._acknowledgements)


async def test_a_password_that_was_refused_is_not_tried_at_once_again(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("")
    lines = f"allow_anonymous false\npassword_file {tmp_path}/passwords\n"
    async with Mosquitto(tmp_path / "broker", lines=lines) as broker, publishing(named(broker)) as publisher:
        for _ in range(2):
            with pytest.raises(BusUnavailableError, match="Not authorized"):
                await publisher.publish(publication())
        assert publisher._life is not None
        assert publisher._life.done()
