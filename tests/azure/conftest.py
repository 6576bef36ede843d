"""A running API for each test, called by Azure's paths."""

from collections.abc import AsyncIterator

import pytest

from tests.parts.arm import Arm
from tests.parts.fakes_api import running_api


@pytest.fixture
async def arm() -> AsyncIterator[Arm]:
    """The API over an empty store with one Standard collection, `jc`."""
    async with running_api() as api:
        caller = Arm(api)
        assert (await caller.call("PUT", "/jc", {"location": "West US"})).status == 201
        yield caller
