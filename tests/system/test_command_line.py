"""`leeward` on a real site, as whole processes: live lists, Ctrl-C, pipes, terminals, a shell that completes."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.parts.command_line import CommandLine, Said
from tests.parts.ports import free_port
from tests.parts.site import Site

pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One site for all of these; they do not get into each other's way."""
    folder = tmp_path_factory.mktemp("site")
    async with Site(folder, hosts=("db-0", "db-1"), settings={}).running() as running:
        await running.create_job("hello", "/hello", every=1000, placement={"pool": "db"})
        await running.call("PUT", "/collections/apart", {})
        await running.call("PUT", "/collections/apart/jobs/only", {"action": {"request": {"uri": "http://db-0/x"}}})
        yield running


@pytest.fixture
def leeward(site: Site, tmp_path: Path) -> CommandLine:
    """The command line of somebody who works with that site."""
    return CommandLine(tmp_path, LEEWARD_URL=f"http://127.0.0.1:{site.api_port}")


async def test_a_list_on_a_terminal_stays_as_it_is_now(leeward: CommandLine) -> None:
    async with leeward.on_terminal("host", "list", "--watch") as list_:
        await list_.says("db-0", "available", "Ctrl-C ends")
        list_.forget()
        assert (await leeward.run("host", "cordon", "db-0", "--reason", "new disks")).code == 0
        await list_.says("new disks")
        assert "\x1b[2J" not in list_.raw, "it wipes the screen, which flickers"
        assert await list_.ends() == 130
        assert "Traceback" not in list_.said
    await leeward.run("host", "release", "db-0")


async def test_a_list_in_a_pipe_says_what_changed_on_a_line_each(leeward: CommandLine) -> None:
    assert (await leeward.run("collection", "create", "passing")).code == 0
    async with leeward.running("collection", "list", "--watch") as list_:
        await list_.says("NAME", "passing")
        list_.forget()
        await leeward.run("collection", "disable", "passing")
        await list_.says("passing", "Disabled")
        await leeward.run("collection", "delete", "passing")
        await list_.says("passing  gone")
        assert "NAME" not in list_.said
        assert "\x1b" not in list_.raw
        assert await list_.ends() == 130


async def test_for_programs_each_state_is_one_line_of_json(leeward: CommandLine) -> None:
    async with leeward.running("job", "show", "demo/hello", "--watch", "--output", "json") as show:
        await show.says("\n")
        await leeward.run("job", "disable", "demo/hello")
        await show.says('"state":"disabled"')
        assert await show.ends() == 130
    states = [json.loads(line)["state"] for line in show.said.splitlines() if line]
    assert (states[0], states[-1]) == ("enabled", "disabled")
    await leeward.run("job", "enable", "demo/hello")


async def test_a_list_goes_on_when_its_scheduler_is_away_for_a_while(site: Site, leeward: CommandLine) -> None:
    async with leeward.on_terminal("collection", "list", "--watch") as list_:
        await list_.says("demo")
        await site.scheduler.stop()
        await list_.says("as of", "cannot be reached")
        await site.scheduler.start()
        await site.ready()
        list_.forget()
        await list_.says("Ctrl-C ends")
        assert await list_.ends() == 130


async def test_watching_tells_of_an_event_and_ends_in_silence(site: Site, leeward: CommandLine) -> None:
    async with leeward.running("watch") as watch:
        await site.raise_event("Reboot", "db-1")
        await watch.says("db-1")
        assert await watch.ends() == 130
    assert "Traceback" not in watch.said
    await site.until_condition("db-1", "available", seconds=60)


async def test_whoever_stops_reading_is_no_trouble(leeward: CommandLine) -> None:
    jobs = json.dumps([{"name": f"many-{n}", "action": {"request": {"uri": "http://db-0/x"}}} for n in range(1500)])
    made = await leeward.run("job", "create", "demo", "--file", "-", "--disabled", "--output", "name", text=jobs)
    assert (made.code, len(made.out.splitlines())) == (0, 1500)
    said = await leeward.run_in_shell("leeward job list demo --limit 1500 | head -1")
    assert (said.out.split()[0], said.err, said.code) == ("JOB", "", 141)
    names = "leeward job list demo --state disabled --output name --limit 30"
    gone = await leeward.run_in_shell(f"{names} | xargs leeward job delete")
    assert (gone.code, gone.out.count("deleted"), gone.err) == (0, 30, "")


async def test_long_work_shows_a_bar_on_a_terminal_only(leeward: CommandLine) -> None:
    jobs = [{"name": f"bar-{n}", "action": {"request": {"uri": "http://db-0/x"}}} for n in range(2000)]
    (leeward.folder / "jobs.json").write_text(json.dumps(jobs))
    words = ("job", "create", "demo", "--file", "jobs.json", "--disabled")
    async with leeward.on_terminal(*words) as create:
        await create.says("writing", "of 2,000 jobs")
        assert await create.ends(by=None) == 0
    piped = await leeward.run(*words)
    assert (piped.err, "bar-1999" in piped.out) == ("", True)


async def test_colours_are_for_terminals_and_for_those_who_want_them(leeward: CommandLine) -> None:
    async with leeward.on_terminal("collection", "list") as coloured:
        await coloured.says("demo")
        await coloured.ends(by=None)
    assert "\x1b[1m" in coloured.raw
    assert "\x1b" not in (await leeward.run("collection", "list")).out


async def test_letters_of_all_the_world_come_through_or_are_spelled_out(leeward: CommandLine) -> None:
    said = await leeward.run("host", "cordon", "db-0", "--reason", "new disks 硬盘", "--output", "json")
    assert (said.code, "硬盘" in said.out) == (0, True)
    assert "new disks 硬盘" in (await leeward.run("host", "list")).out
    leeward.environment["PYTHONIOENCODING"] = "latin-1"
    spelled = await leeward.run("host", "list")
    assert (spelled.code, "new disks \\u786c\\u76d8" in spelled.out) == (0, True)
    await leeward.run("host", "release", "db-0")


async def completed(leeward: CommandLine, line: str) -> Said:
    """Press Tab at the end of a line, in bash."""
    words = line + ("''" if line.endswith(" ") else "")
    script = f"""
        source <(leeward completion bash)
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _leeward_completion leeward; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return await leeward.run_in_shell(script)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("leeward hos", {"host"}),
        ("leeward job his", {"history"}),
        ("leeward job list --outp", {"--output"}),
        ("leeward job list --output y", {"yaml"}),
        ("leeward collection show d", {"demo"}),
        ("leeward job show demo/hel", {"demo/hello"}),
        ("leeward job show ap", {"apart/only"}),
        ("leeward host cordon ", {"db-0", "db-1"}),
        ("leeward audit --host db-", {"db-0", "db-1"}),
    ],
)
async def test_bash_completes(leeward: CommandLine, line: str, words: set[str]) -> None:
    said = await completed(leeward, line)
    found = set(said.out.split())
    assert (said.err, words <= found) == ("", True), said.out


async def test_tab_is_quiet_and_quick_when_the_scheduler_is_away(leeward: CommandLine) -> None:
    leeward.environment["LEEWARD_URL"] = f"http://127.0.0.1:{free_port()}"
    said = await completed(leeward, "leeward host show d")
    assert (said.code, said.out.strip(), said.err) == (0, "", "")
