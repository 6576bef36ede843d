"""On which event loop the watcher's tests run."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

_OF_THE_SERVICES = frozenset({"test_command_responder.py"})
"""Tests of what the services' loop does in a way of its own: pipes and processes."""


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests on the services' loop where it matters, else on Python's."""
    if item.path.name in _OF_THE_SERVICES:
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
