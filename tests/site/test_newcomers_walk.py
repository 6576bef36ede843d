"""A newcomer does what the pages say, word for word, beside a real `leeward up`."""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.parts.pages import DOCS
from tests.parts.ports import free_port
from tests.parts.programs import Program
from tests.parts.waiting import until
from tests.parts.walking import Walker, WalkError, first_missing, steps

pytestmark = pytest.mark.system
PORTS = ("--port", "--ops-port", "--mqtt-port", "--imds-port", "--targets-port")


def environment(**settings: str) -> Mapping[str, str]:
    """What a shell of the newcomer has: the programs of this environment first on its PATH."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEEWARD_")}
    return {**inherited, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **settings}


@pytest.fixture
async def ports() -> Mapping[str, int]:
    """A port for each part, four in a row for metrics."""
    return {flag: free_port() for flag in PORTS} | {"--ops-port": max(free_port() for _ in range(4)) - 3}


@pytest.fixture
async def first_terminal(tmp_path: Path, ports: Mapping[str, int]) -> AsyncIterator[Program]:
    """`leeward up`, in the newcomer's folder."""
    flags = [f"{flag}={port}" for flag, port in ports.items()]
    program = Program("services.local", "up", f"--data={tmp_path / '.leeward'}", *flags, log=tmp_path / "terminal.log")
    async with program:

        async def is_up() -> bool:
            return "Ctrl-C stops everything." in program.said

        await until(is_up, seconds=40)
        yield program
        await program.stop()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", [("quick-start",), ("howto/protect-a-job", "howto/pools")], ids=" ".join)
async def test_a_newcomer_sees_what_the_pages_show(
    tmp_path: Path, ports: Mapping[str, int], first_terminal: Program, names: tuple[str, ...]
) -> None:
    url = f"http://127.0.0.1:{ports['--port']}"
    walker = Walker(tmp_path, environment(LEEWARD_URL=url), {":9101": f":{ports['--targets-port']}"})
    done = [await walker.follow(DOCS / f"{name}.md", lambda: first_terminal.said) for name in names]
    assert min(done) > 7


async def test_tokens_are_made_and_withdrawn_as_written(tmp_path: Path) -> None:
    assert shutil.which("openssl"), "apt-get install openssl"
    assert await Walker(tmp_path, environment(), {}).follow(DOCS / "howto/tokens-and-oidc.md") == 3


async def test_a_page_that_shows_what_is_not_so_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\necho db-0 drained 2\n```\n\n```text\ndb-1 drained 2\n```\n")
    with pytest.raises(WalkError, match="does not say 'db-1 drained 2', but:\ndb-0"):
        await Walker(tmp_path, environment(), {}).follow(page)


def test_instants_ids_and_numbers_that_stand_alone_may_differ() -> None:
    shown = ("db-0  drained  2  2026-11-22T20:57:18.237Z", "20:57:15  event 0FEF2ABA-A10B-4FC4-BDB8-EA2782EF8E71, …")
    said = "db-0   drained   17   2027-01-02T03:04:05Z\n01:02:03  event 47c1f5c6-0f4c-4e0f-8c3b-4f0c5e1e2d3a, gone\n"
    assert first_missing(shown, said) is None
    assert first_missing(shown, said.replace("db-0", "db-1")) == shown[0]


def test_only_what_changes_nothing_is_asked_again() -> None:
    looks = {step.commands: step.only_looks for step in steps(DOCS / "quick-start.md")}
    assert looks["leeward host list\n"]
    assert not looks["leeward rehearse reboot db-0\n"]
