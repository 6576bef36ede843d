"""`leeward apply` on a real site: what files say runs, it asks first, and only what was applied is deleted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.parts.applying import job_doc, text_of
from tests.parts.command_line import CommandLine
from tests.parts.site import Site
from tests.parts.terminal import Terminal

BY_HAND = {"action": {"request": {"uri": "http://db-0/by-hand"}}, "state": "Disabled"}
pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One site for all of these; each has collections of its own."""
    async with Site(tmp_path_factory.mktemp("site"), hosts=("db-0",), settings={}).running() as running:
        yield running


@pytest.fixture
def leeward(site: Site, tmp_path: Path) -> CommandLine:
    """The command line of somebody who works with that site."""
    return CommandLine(tmp_path, LEEWARD_URL=f"http://127.0.0.1:{site.api_port}")


def write(folder: Path, site: Site, collection: str, *names: str) -> Path:
    """Write a file with jobs that run each second on db-0."""
    rhythm = {"frequency": "Second", "interval": 1}
    documents = [
        job_doc(name, collection, action=site.request_to(f"/{name}"), recurrence=rhythm, placement={"host": "db-0"})
        for name in names
    ]
    file = folder / "jobs.yaml"
    file.write_text(text_of(*documents))
    return file


async def names_in(site: Site, collection: str) -> list[str]:
    return [job["name"] for job in (await site.call("GET", f"/collections/{collection}/jobs"))["value"]]


async def test_what_files_say_runs_and_is_the_same_when_exported(
    site: Site, leeward: CommandLine, tmp_path: Path
) -> None:
    file = write(tmp_path, site, "running", "applied")
    assert (await leeward.run("apply", "-f", str(file), "--yes")).out.splitlines()[-1] == "2 created"
    await site.targets.until_hit("/applied")
    (tmp_path / "all.json").write_text((await leeward.run("export", "running", "--format", "leeward")).out)
    for again in (file, tmp_path / "all.json"):
        assert (await leeward.run("apply", "-f", str(again), "--diff")).code == 0


async def test_it_asks_before_and_deletes_only_what_it_has_brought(site: Site, tmp_path: Path) -> None:
    url = f"--url=http://127.0.0.1:{site.api_port}"
    file = write(tmp_path, site, "asking", "kept", "gone")
    async with Terminal().running("apply", url, "-f", str(file)) as terminal:
        await terminal.until("+ job asking/gone", "Create 3? [y/N]:")
        terminal.press("y\r")
        assert await terminal.ended() == 0
    await site.call("PUT", "/collections/asking/jobs/by-hand", BY_HAND)
    write(tmp_path, site, "asking", "kept")
    for answer, code, left in (("n", 1, ["by-hand", "gone", "kept"]), ("y", 0, ["by-hand", "kept"])):
        async with Terminal().running("apply", url, "-f", str(file), "--prune") as terminal:
            await terminal.until("- job asking/gone", "DELETE 1 of the 3 jobs of asking, with their history?")
            terminal.press(f"{answer}\r")
            assert await terminal.ended() == code
            assert await names_in(site, "asking") == left


async def test_an_audit_entry_tells_who_applied_what(site: Site, leeward: CommandLine, tmp_path: Path) -> None:
    file = write(tmp_path, site, "audited", "told")
    assert (await leeward.run("apply", "-f", str(file), "--yes")).code == 0
    assert "job.created" in (await leeward.run("audit", "--job", "audited/told")).out
