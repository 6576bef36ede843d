"""The Python examples of docs/ beside a real site: the shipped broker, its access list, real services."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parts.examples import Example, until_another_is_approved, until_told
from tests.parts.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
ExampleOf = Callable[..., Example]


async def announced(site: Site, host: str, **more: object) -> str:
    """Raise an event that nobody approves."""
    return await site.raise_event("Redeploy", host, source="Platform", noticeSeconds=600, **more)


async def test_a_follower_tells_what_threatens_a_host_through_a_restart_of_the_broker(
    site: Site, example: ExampleOf
) -> None:
    async with example("follow_hosts.py") as follower:
        await follower.until_said("db-0: calm")
        event = await announced(site, "db-0")
        await follower.until_said("db-0: threatened: Redeploy Scheduled", "drained, 0 running")
        await site.broker.restart()
        await follower.until_said("no connection to the broker")
        await follower.until_said("db-0: threatened", times=follower.said.count("db-0: threatened") + 1)
        await site.azure("POST", f"/events/{event}/cancel")
        await follower.until_said("db-0: calm", times=2)
        assert "web-0: threatened" not in follower.said


async def test_news_is_printed_once_and_what_came_while_nobody_listened_too(site: Site, example: ExampleOf) -> None:
    async with example("notices.py") as listener:
        first = await announced(site, "db-0")
        await until_told(listener, site, first, "db-0: Redeploy rescheduled")
    await site.azure("POST", f"/events/{first}/cancel")
    await site.until_event(first, lambda event: event["outcome"] == "cancelled")
    async with example("notices.py") as listener:
        await listener.until_said("db-0: Redeploy cancelled")
        assert listener.said.count("cancelled") == 1


async def test_an_execution_that_fails_is_a_line(site: Site, example: ExampleOf) -> None:
    async with example("failures.py") as listener:
        await site.create_job("probe", "/fail", placement={"host": "web-0"})
        line = await listener.until_said("demo/probe failed on web-0", "Internal Server Error")
        assert "attempt 1" in line
    await site.call("DELETE", "/collections/demo/jobs/probe")


async def test_an_approval_waits_for_the_command_that_holds_it_back(
    site: Site, example: ExampleOf, tmp_path: Path
) -> None:
    wait = f"import pathlib, time\nwhile not pathlib.Path('{tmp_path}/done').exists(): time.sleep(0.05)"
    held = ("hold_back.py", "db-0", "nightly-copy", sys.executable, "-c", wait)
    async with example(*held, identity="leeward-operator") as holder:
        await site.retained("hosts/db-0/blocks/nightly-copy", count=1)
        event = await site.raise_event("Reboot", "db-0", noticeSeconds=600)
        await until_another_is_approved(site)
        assert (await site.event(event))["approval"]["state"] == "none"
        (tmp_path / "done").touch()
        assert await holder.exit_code() == 0
        approved = await site.until_event(event, lambda each: each["approval"]["state"] == "approved")
        assert approved["approval"]["by"] == "one via db-0"


async def test_who_may_not_block_is_told_and_the_command_does_not_run(
    site: Site, example: ExampleOf, tmp_path: Path
) -> None:
    touch = f"import pathlib; pathlib.Path('{tmp_path}/ran').touch()"
    async with example("hold_back.py", "db-0", "copy", sys.executable, "-c", touch) as holder:
        assert await holder.exit_code() == 1
        assert "copy not run or not cleared" in holder.said
    assert not (tmp_path / "ran").exists()


async def test_a_web_server_is_out_of_its_balancer_while_its_host_is_emptied(
    site: Site, example: ExampleOf, tmp_path: Path
) -> None:
    file = tmp_path / "out"
    file.write_text("left by a life before\n")
    async with example("load_balancer.py", "web-0", str(file)) as balancer:
        await balancer.until_said("in again")
        assert not file.exists()
        event = await announced(site, "web-0")
        await balancer.until_said("out: web-0 is emptied", event)
        assert event in file.read_text()
        await site.azure("POST", f"/events/{event}/cancel")
        await balancer.until_said("in again", times=2)
        assert not file.exists()
