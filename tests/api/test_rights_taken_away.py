"""Rights that are taken away end what goes on under them."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from services.scheduler.feed import Update
from tests.parts.fakes_api import NOON, running_api
from tests.parts.tokens import ORDERS, bearer, by_file, line, three_callers


@pytest.mark.parametrize(
    "line_after",
    [
        "",
        line("orders-bot", ORDERS, collections=("bills",)),
        line("orders-bot", ORDERS, "reader", collections=("orders",)),
    ],
    ids=["removed", "confined elsewhere", "of another role"],
)
async def test_a_stream_ends_when_its_reader_may_see_something_else(tmp_path: Path, line_after: str) -> None:
    tokens = three_callers(tmp_path)
    async with (
        running_api(rules=by_file(tokens)) as api,
        asyncio.timeout(10),
        api.session.get(f"{api.url}/api/v1/stream", headers=bearer(ORDERS)) as response,
    ):
        assert await response.content.readuntil(b"\n\n") == b": heartbeat\n\n"
        tokens.write_text(line_after)
        await api.services.access.look_at_tokens()
        api.services.feed.publish(Update(kind="host", at=NOON, summary="too late", bare="too late"))
        assert await response.content.read() == b""


async def test_a_stream_goes_on_while_its_reader_keeps_its_rights(tmp_path: Path) -> None:
    tokens = three_callers(tmp_path)
    async with (
        running_api(rules=by_file(tokens), heartbeat=timedelta(milliseconds=20)) as api,
        asyncio.timeout(10),
        api.session.get(f"{api.url}/api/v1/stream", headers=bearer(ORDERS)) as response,
    ):
        tokens.write_text(tokens.read_text() + "\n")
        await api.services.access.look_at_tokens()
        beats = [await response.content.readuntil(b"\n\n") for _ in range(3)]
    assert beats == [b": heartbeat\n\n"] * 3
