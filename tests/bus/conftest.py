"""Real brokers, and buses that end with the test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.parts.brokers import BrokerProcess
from tests.parts.iotcore import Iotcore
from tests.parts.mosquitto import Mosquitto


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
