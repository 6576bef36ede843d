"""Real brokers, and buses that end with the test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.parts.brokers import BrokerProcess
from tests.parts.iotcore import Iotcore
from tests.parts.mosquitto import Mosquitto


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the loop that the services run on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=[Mosquitto, Iotcore])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """Each broker that Leeward runs with."""
    async with request.param(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A Mosquitto, for what iotcore cannot do."""
    async with Mosquitto(tmp_path / "broker") as running:
        yield running
