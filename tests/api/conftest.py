"""A running API for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.parts.fakes_api import Api, running_api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """The API over an empty store with one collection, `demo`."""
    async with running_api() as running:
        assert (await running.call("PUT", "/collections/demo", {})).status == 201
        yield running
