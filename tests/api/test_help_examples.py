"""What `--help` shows can be done: every example of every command is."""

import asyncio
import contextlib
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from services.client.__main__ import SECTIONS, leeward
from services.client.root import Root
from services.scheduler.domain.hosts import HostCondition, HostReport
from tests.parts.builders import ANNOUNCED
from tests.parts.command_line import CommandLine
from tests.parts.fakes_api import running_api
from tests.parts.help_pages import described, furnish, parse, write_files

HOST = HostReport(host="db-0", condition=HostCondition.AVAILABLE, watcher="online", pools=("db",))
EVENT = replace(ANNOUNCED, event_id="C7061BAC-AFDC-4513-B24B-AA5F13A16123", type="Freeze")
COMMANDS = list(described())
EXAMPLES = list(dict.fromkeys(example for one in COMMANDS for example in one.examples))
ENDLESS = ("--watch", "leeward watch", "leeward top")
ELSEWHERE = ("up", "rehearse", "doctor", "backup", "restore", "bundle")
"""Commands for a machine with services, a database or an emulator: their own tests run them, here they are read."""
SHELL = ("|", ">", ";", "&&", "echo ")
MEANS_SOMETHING = {"leeward apply -f jobs/ --diff": 1, "leeward apply -f jobs/": 2}
"""Something differs; and it asks before it changes anything, which nobody answers here."""


def is_only_read(example: str) -> bool:
    return any(word in example for word in ENDLESS) or example.split()[1:2][0] in ELSEWHERE


@pytest.mark.parametrize("example", [one for one in EXAMPLES if is_only_read(one) and "|" not in one])
def test_an_example_reads_as_a_command(example: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    with contextlib.chdir(tmp_path):
        parse(example.replace("/etc/leeward/", ""))


@pytest.mark.parametrize("example", [one for one in EXAMPLES if not is_only_read(one)])
async def test_an_example_can_be_done(example: str, tmp_path: Path) -> None:
    async with running_api(HOST) as api:
        await api.services.store.put_event(EVENT)
        await furnish(api, tmp_path)
        person = CommandLine(tmp_path, LEEWARD_URL=api.url)
        for name in ("prod", "test"):
            made = await asyncio.to_thread(run, person, f"leeward context set {name} --url {api.url}")
            assert made == (0, "")
        if any(sign in example for sign in SHELL):
            said = await person.run_in_shell(example)
            code, err = said.code, said.err
        else:
            code, err = await asyncio.to_thread(run, person, example)
        assert code == MEANS_SOMETHING.get(example, 0), err


def run(person: CommandLine, line: str) -> tuple[int, str]:
    with contextlib.chdir(person.folder):
        result = CliRunner().invoke(leeward, shlex.split(line)[1:], env=person.environment)
    return result.exit_code, result.stderr if result.exit_code else ""


def test_every_command_shows_an_example_and_what_it_points_to_exists() -> None:
    paths = {one.path for one in COMMANDS}
    leaves = [one for one in COMMANDS if not any(path.startswith(f"{one.path} ") for path in paths)]
    assert [one.path for one in leaves if not one.examples] == []
    assert [(one.path, see) for one in COMMANDS for see in one.page.see if see.split(" --")[0] not in paths] == []


def test_lists_of_commands_say_what_the_commands_say() -> None:
    assert isinstance(leeward, Root)
    told = {one.path.split()[1]: one.command for one in COMMANDS if len(one.path.split()) == 2}
    assert list(told) == [name for section in SECTIONS.values() for name in section]
    for name, command in told.items():
        summary = leeward.entries[name].summary.rstrip(".")
        first = (command.help or "").split(".")[0]
        assert summary.split()[0] == first.split()[0], f"{name}: {summary!r} is not what its help says: {first!r}"
