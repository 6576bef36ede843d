"""The real servers that queue actions talk to, one of each for all tests of a process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.parts.azurite import Azurite
from tests.parts.certificates import Authority
from tests.parts.mosquitto import Mosquitto
from tests.parts.rabbitmq import RabbitMQ


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the loop that the services run on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Who certifies the servers."""
    return Authority()


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[RabbitMQ]:
    """A RabbitMQ that speaks AMQP 1.0 over TLS."""
    broker = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"), authority)
    try:
        asyncio.run(broker.start())
        yield broker
    finally:
        broker.end()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azure's storage queues."""
    emulator = Azurite(tmp_path_factory.mktemp("azurite"))
    try:
        asyncio.run(emulator.start())
        yield emulator
    finally:
        emulator.end()


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A broker for MQTT."""
    async with Mosquitto(tmp_path / "broker") as running:
        yield running
