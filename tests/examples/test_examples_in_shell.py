"""The shell examples of docs/ with Debian's mosquitto-clients and jq, beside a real site with the shipped broker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parts.examples import Example, until_another_is_approved, until_told
from tests.parts.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
ExampleOf = Callable[..., Example]


async def test_waiting_ends_when_the_host_is_calm(site: Site, example: ExampleOf) -> None:
    async with example("wait_until_calm.sh", "db-0") as calm:
        assert await calm.exit_code(seconds=5) == 0
    event = await site.raise_event("Redeploy", "DB-0", source="Platform", noticeSeconds=600)
    await site.watcher_has_published("db-0", "Redeploy")
    async with (
        example("wait_until_calm.sh", "db-0", "1") as impatient,
        example("wait_until_calm.sh", "db-0") as patient,
    ):
        assert await impatient.exit_code() == 1
        assert patient.is_running
        await site.azure("POST", f"/events/{event}/cancel")
        assert await patient.exit_code(seconds=5) == 0


async def test_a_program_runs_for_each_piece_of_news_and_its_failure_ends_nothing(
    site: Site, example: ExampleOf, tmp_path: Path
) -> None:
    program = tmp_path / "tell the users"
    program.write_text('#!/bin/sh\necho "told $*"\n[ "$1" != rescheduled ]\n')
    program.chmod(0o755)
    async with example("on_event.sh", "web-0", str(program)) as listener:
        event = await site.raise_event("Freeze", "web-0", source="Platform", noticeSeconds=600)
        await until_told(listener, site, event, f"told rescheduled Freeze {event} 2")
        await site.azure("POST", f"/events/{event}/cancel")
        await listener.until_said(f"told cancelled Freeze {event}")
        assert f"tell the users failed for {event}" in listener.said


async def test_a_block_makes_the_approval_wait_until_it_is_cleared(site: Site, example: ExampleOf) -> None:
    words = ("db-0", "nightly copy", 'it says "wait"')
    async with example("block.sh", "set", *words, "5", identity="leeward-operator") as setting:
        assert await setting.exit_code() == 0, setting.said
    event = await site.raise_event("Reboot", "db-0", noticeSeconds=600)
    await until_another_is_approved(site)
    assert (await site.event(event))["approval"]["state"] == "none"
    async with example("block.sh", "clear", *words[:2], identity="leeward-operator") as clearing:
        assert await clearing.exit_code() == 0, clearing.said
    approved = await site.until_event(event, lambda each: each["approval"]["state"] == "approved")
    assert approved["approval"]["by"] == "one via db-0"


async def test_who_may_not_block_hears_so(example: ExampleOf) -> None:
    async with example("block.sh", "set", "db-0", "copy", "mine", identity="leeward-reader") as setting:
        await setting.exit_code()
        assert "Not authorized" in setting.said


async def test_without_arguments_the_scripts_say_how_they_are_used(example: ExampleOf) -> None:
    for name in ("block.sh", "on_event.sh", "wait_until_calm.sh"):
        async with example(name) as script:
            assert await script.exit_code() == 2, name
            assert f"usage: {name}" in script.said
