"""`leeward top` on a real site, in a terminal: an event as it comes, jobs held and released, and a clean end."""

import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.parts.command_line import CommandLine
from tests.parts.site import Site
from tests.parts.tcp_proxy import TcpProxy
from tests.parts.terminal import Terminal

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A host, and a job each second that has nowhere else to go."""
    async with Site(tmp_path_factory.mktemp("site"), hosts=("db-0",), settings={}).running() as running:
        await running.create_job("pinned", "/pinned", placement={"host": "db-0"}, maintenance={"strategy": "Hold"})
        await running.targets.until_hit("/pinned")
        yield running


def url(site: Site) -> str:
    return f"http://127.0.0.1:{site.api_port}"


async def test_an_event_is_seen_coming_its_job_held_and_let_go(site: Site) -> None:
    async with Terminal().running("top", "--url", url(site)) as terminal:
        await terminal.until("HOSTS  1-1 of 1", "available", "demo/pinned", "succeeded", "q quit")
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=60, startedSeconds=3)
        await terminal.until_line("Reboot", "db-0", event[:8], "active")
        await terminal.until_line("demo/pinned", "held")
        assert "1 hosts, 1 jobs, 1 active events" in terminal.screen
        await site.until_event(event, lambda found: found["outcome"] == "completed")
        await terminal.until_line("Reboot", event[:8], "completed")
        await terminal.until_line("db-0", "available")
        await terminal.until_line("demo/pinned", "succeeded")
        terminal.press("q")
        assert await terminal.ended() == 0
        assert terminal.left_clean()


async def test_keys_pause_sort_go_around_and_resize(site: Site) -> None:
    async with Terminal().running("top", "--url", url(site), COLUMNS="80", LINES="24") as terminal:
        await terminal.until("▶ JOBS", "by latest", "demo/pinned")
        terminal.press("s\t")
        await terminal.until("JOBS  1-1 of 1, by name", "▶ HOSTS")
        terminal.press("p")
        await terminal.until("PAUSED")
        terminal.press("p")
        terminal.resize(9, 50)
        await terminal.until_line("1 hosts", "…")
        assert "PAUSED" not in terminal.screen
        assert max(map(len, terminal.screen.splitlines())) <= 50
        terminal.press("\x1a")  # Ctrl-Z, which would leave the screen as it is
        terminal.press("q")
        assert await terminal.ended() == 0
        assert terminal.left_clean()


@pytest.mark.parametrize(("keys", "number", "code"), [("\x03", None, 130), ("", signal.SIGTERM, 0)])
async def test_ctrl_c_and_sigterm_leave_the_terminal_as_it_was(
    site: Site, keys: str, number: signal.Signals | None, code: int
) -> None:
    async with Terminal().running("top", "--url", url(site)) as terminal:
        await terminal.until("q quit", "demo/pinned")
        terminal.press(keys)
        if number is not None:
            terminal.send(number)
        assert await terminal.ended() == code
        assert terminal.left_clean()
        assert "Traceback" not in terminal.text


async def test_a_dumb_terminal_and_a_pipe_get_it_once(site: Site, leeward: CommandLine) -> None:
    async with Terminal().running("top", "--url", url(site), TERM="dumb") as terminal:
        assert await terminal.ended() == 0
        assert "demo/pinned" in terminal.text
        assert terminal.left_clean()
    printed = await leeward.run("top", "--output", "json")
    assert [host["host"] for host in json.loads(printed.out)["hosts"]] == ["db-0"]
    assert "db-0  available  online" in (await leeward.run("top")).out


async def test_what_may_be_old_says_so_until_the_scheduler_is_back(site: Site) -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(TcpProxy("127.0.0.1", site.api_port))
        words = ("top", "--url", f"http://127.0.0.1:{proxy.port}")
        terminal = await stack.enter_async_context(Terminal().running(*words))
        await terminal.until("demo/pinned", "q quit")
        proxy.cut()
        await terminal.until_line("OLD:", "cannot be reached")
        proxy.heal()
        await terminal.until_none("OLD:")
        assert "demo/pinned" in terminal.screen
        terminal.press("q")
        assert await terminal.ended() == 0


async def test_nobody_there_is_said_before_the_screen_is_taken() -> None:
    async with Terminal().running("top", "--url", "http://127.0.0.1:1") as terminal:
        assert await terminal.ended() == 3
        assert "cannot be reached" in terminal.text
        assert terminal.left_clean()


@pytest.fixture
def leeward(site: Site, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """The command line of somebody who works with that site."""
    return CommandLine(tmp_path_factory.mktemp("home"), LEEWARD_URL=url(site))
