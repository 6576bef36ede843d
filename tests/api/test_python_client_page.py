"""docs/howto/python-client.md: its programs run, and its names exist."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from services.client.api.client import Client
from tests.parts.command_line import CommandLine
from tests.parts.fakes_api import running_api
from tests.parts.pages import DOCS, blocks

PAGE = DOCS / "howto" / "python-client.md"
PROGRAMS = [block.text for block in blocks(PAGE) if block.language == "python"]


async def test_its_programs_run(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("lwd_1\n")
    async with running_api() as api:
        person = CommandLine(tmp_path, LEEWARD_URL=api.url)
        said = [await person.run_python(program) for program in PROGRAMS]
    assert [(one.code, one.err) for one in said] == [(0, "")] * 3
    assert said[0].out.startswith("enabled 2026-03-09 05:00:00+00:00\nhello ")
    assert said[2].out == "[]\n[]\n[]\nfrom here on nothing is missed: read what you keep\n"


@pytest.mark.parametrize("part", ["collections", "jobs", "hosts", "events", "rehearsals"])
def test_the_parts_of_the_client_have_the_verbs_that_it_names_and_no_others(part: str) -> None:
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| `client.{part}`"))
    named = set(re.findall(r"`(\w+)`", row.partition("` |")[2]))
    if "the same" in row:
        named |= {"each", "get", "put", "patch", "enable", "disable", "delete"}
    has = {name for name in vars(type(getattr(Client("http://127.0.0.1"), part))) if not name.startswith("_")}
    assert named == has


def test_the_errors_that_it_names_are_those_there_are() -> None:
    module = import_module("services.client.api.errors")
    there = {name for name, one in vars(module).items() if isinstance(one, type) and one.__module__ == module.__name__}
    assert set(re.findall(r"`(\w+Error)`", PAGE.read_text())) == there
