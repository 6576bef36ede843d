"""`leeward top` where a proxy lets no stream through: it asks, and shows what history says of jobs."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.api_work import run_due
from tests.parts.fakes_api import Api, a_job, every, running_api
from tests.parts.terminal import Terminal

HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))


@web.middleware
async def no_stream(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer as a proxy does that has no patience for streams."""
    return web.Response(status=502) if request.path.endswith("/stream") else await handler(request)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An API without a stream, with one host and one job."""
    async with running_api(HOST, middlewares=[no_stream]) as running:
        await running.call("PUT", "/collections/demo", {})
        await running.call("PUT", "/collections/demo/jobs/tick", a_job(recurrence=every(5)))
        yield running


async def test_without_a_stream_changes_are_asked_for(api: Api) -> None:
    async with Terminal().running("top", "--url", api.url) as terminal:
        await terminal.until("demo/tick", "q quit")
        await terminal.until_line("db-0", "available")
        assert "succeeded" not in terminal.screen
        await run_due(api)
        await terminal.until_line("demo/tick", "succeeded")
        await api.call("POST", "/hosts/db-0/cordon", {"reason": "new disks"})
        await terminal.until_line("db-0", "cordoned", "new disks")
        await api.call("DELETE", "/collections/demo")
        await terminal.until("0 jobs")
        terminal.press("q")
        assert await terminal.ended() == 0
        assert terminal.left_clean()
