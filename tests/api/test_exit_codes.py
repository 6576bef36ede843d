"""What `leeward` ends with, for each way of ending (docs/cli.md has the table)."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import click
import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from services.client import rim
from services.client.__main__ import leeward
from services.client.errors import MEANINGS, ExitCode
from tests.parts.fakes_api import Api, running_api, serving
from tests.parts.pages import DOCS
from tests.parts.ports import free_port
from tests.parts.tokens import OPERATOR, READER, by_file, three_callers


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(rules=by_file(three_callers(tmp_path))) as running:
        yield running


async def run(url: str, *words: str, token: str = OPERATOR) -> Result:
    environment = {"LEEWARD_URL": url, "LEEWARD_TOKEN": token, "XDG_CONFIG_HOME": "/nowhere"}
    return await asyncio.to_thread(CliRunner().invoke, leeward, list(words), env=environment)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("collection", "create", "demo"), ExitCode.DONE),
        (("collection", "create", "demo", "--max-jobs", "-1"), ExitCode.FAILED),
        (("collection", "create"), ExitCode.USAGE),
        (("colection", "create"), ExitCode.USAGE),
        (("collection", "list", "--ca", "/nowhere.pem"), ExitCode.USAGE),
        (("collection", "show", "other"), ExitCode.NOT_FOUND),
        (("job", "delete", "demo/a", "demo/b"), ExitCode.NOT_FOUND),
    ],
)
async def test_a_command_ends_with_its_code(api: Api, words: tuple[str, ...], code: ExitCode) -> None:
    ended = await run(api.url, *words)
    assert (ended.exit_code, ended.stderr == "") == (code, code is ExitCode.DONE)


@pytest.mark.parametrize("token", ["", "wrong", READER])
async def test_who_may_not_is_told_so(api: Api, token: str) -> None:
    refused = await run(api.url, "collection", "create", "demo", token=token)
    assert (refused.exit_code, refused.stderr.startswith("Error: ")) == (ExitCode.NOT_ALLOWED, True)


async def test_whoever_is_no_scheduler_or_cannot_serve_is_not_reachable() -> None:
    async def away(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>no backend</html>")

    proxy = web.Application()
    proxy.router.add_route("*", "/{rest:.*}", away)
    async with serving(proxy) as behind, serving(web.Application()) as stranger:
        for url in (behind, stranger, f"http://127.0.0.1:{free_port()}"):
            assert (await run(url, "host", "list")).exit_code == ExitCode.NOT_REACHABLE


def ended(fault: BaseException) -> int:
    def command() -> None:
        raise fault

    return rim.exit_code(command)


def test_ctrl_c_is_130_and_a_no_is_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(KeyboardInterrupt()) == 130
    at_a_prompt = click.Abort()
    at_a_prompt.__context__ = KeyboardInterrupt()
    assert ended(at_a_prompt) == 130
    assert capsys.readouterr() == ("", "")
    assert (ended(click.Abort()), capsys.readouterr().err) == (1, "Error: aborted\n")


def test_a_file_that_cannot_be_written_is_no_broken_pipe() -> None:
    with pytest.raises(PermissionError):
        ended(PermissionError(13, "Permission denied"))


def test_the_table_of_the_documents_is_the_one_of_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|$", (DOCS / "cli.md").read_text(), re.MULTILINE)
    assert {int(code) for code, _ in rows} == {code.value for code in MEANINGS}
