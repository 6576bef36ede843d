"""The Node-RED flow of docs/ in a real Node-RED, beside real services."""

from pathlib import Path

from aiohttp import web

from tests.parts.examples import FOLDER
from tests.parts.node_red import NodeRed, node_red
from tests.parts.ports import free_port
from tests.parts.site import Site
from tests.parts.waiting import until


async def test_the_flow_shows_events_and_posts_each_once(tmp_path: Path) -> None:
    site = Site(tmp_path, hosts=("db-0",), settings={})
    port, posted = free_port(), list[str]()

    async def take(request: web.Request) -> web.Response:
        posted.append((await request.json())["text"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    environment = {
        "LEEWARD_BROKER": "127.0.0.1",
        "LEEWARD_BROKER_PORT": str(site.broker.port),
        "LEEWARD_HOOK": f"http://127.0.0.1:{port}/hook",
    }
    async with site.running(), node_red(FOLDER / "node_red_flow.json", tmp_path / "node-red", environment) as flow:
        await until(lambda: says(flow, "threatened: nobody"))
        event = await site.raise_event("Redeploy", "DB-0", source="Platform", noticeSeconds=600)
        await until(lambda: says(flow, "threatened: db-0"))
        await site.azure("POST", f"/events/{event}/cancel")
        await until(lambda: says(flow, "db-0: Redeploy cancelled"))
        await until(lambda: has(posted, 2))
    await runner.cleanup()
    assert [each.split(",")[0] for each in posted] == ["db-0: Redeploy scheduled", "db-0: Redeploy cancelled"]
    assert "[error]" not in flow.said


async def says(flow: NodeRed, words: str) -> bool:
    return words in flow.said


async def has(posted: list[str], count: int) -> bool:
    return len(posted) >= count
