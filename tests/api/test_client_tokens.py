"""The `leeward` command with tokens: making them, showing them, keeping them to itself."""

import asyncio
import json
import re
import stat
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from services.client.api.connection import Connection
from shared.tokens import digest_of, read_tokens
from tests.parts.fakes_api import Api, running_api, serving
from tests.parts.tokens import OPERATOR, READER, by_file, three_callers

Run = Callable[..., Coroutine[None, None, Result]]


def tokens(*words: str | Path) -> Result:
    return CliRunner().invoke(leeward, ["tokens", *map(str, words)])


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running_api(rules=by_file(three_callers(tmp_path))) as api:
        yield api


async def ask(api: Api, *words: str | Path, **environment: str) -> Result:
    """Run the command in a thread, as a process of its own would."""
    arguments = ["--url", api.url, *map(str, words)]
    return await asyncio.to_thread(CliRunner().invoke, leeward, arguments, env=environment)


def test_a_new_token_is_printed_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    made = tokens("add", file, "dashboard", "--collection", "orders", "--collection", "s/g/other", "--expires", "P90D")
    assert (made.exit_code, re.fullmatch(r"lwd_[0-9a-f]{64}\n", made.stdout) is None) == (0, False)
    token = made.stdout.strip()
    [entry] = read_tokens(file.read_text())
    assert (entry.name, entry.role, entry.collections) == ("dashboard", "reader", ("orders", "s/g/other"))
    assert (entry.digest, entry.expires_at is None) == (digest_of(token), False)
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_callers_are_listed_and_removed(tmp_path: Path) -> None:
    file = three_callers(tmp_path)
    listed = tokens("list", file, "--output", "json")
    assert [row["name"] for row in json.loads(listed.stdout)] == ["ops", "viewer", "orders-bot"]
    assert "sha256" not in tokens("list", file).output
    assert tokens("remove", file, "viewer").exit_code == 0
    assert "viewer" not in tokens("list", file).output
    again = tokens("remove", file, "viewer")
    assert (again.exit_code, "no token of the name viewer" in again.stderr) == (1, True)
    assert tokens("remove", tmp_path / "none", "viewer").exit_code == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ops",), "it has ops already"),
        (("two words",), "the name takes"),
        (("new", "--collection", "a/b"), "a collection is NAME"),
        (("new", "--expires", "2020-01-01T00:00:00Z"), "is past already"),
        (("new", "--expires", "tomorrow"), "write 90d"),
        (("new", "--role", "king"), "is not one of"),
    ],
)
def test_what_cannot_be_added_is_told_and_changes_nothing(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    file = three_callers(tmp_path)
    before = file.read_text()
    refused = tokens("add", file, *words)
    assert refused.exit_code in (1, 2)
    assert told in refused.stderr
    assert (file.read_text(), refused.stdout) == (before, "")


async def test_the_client_shows_its_token(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text(f"{OPERATOR}\n")
    created = await ask(api, "--token-file", file, "collection", "create", "demo")
    listed = await ask(api, "collection", "list", "--token-file", file)
    assert (created.exit_code, "demo" in listed.stdout) == (0, True)
    for environment in ({"LEEWARD_TOKEN": READER}, {"LEEWARD_TOKEN_FILE": str(file)}):
        assert (await ask(api, "collection", "list", **environment)).exit_code == 0


async def test_without_a_token_it_says_where_to_put_one(api: Api) -> None:
    for environment in ({}, {"LEEWARD_TOKEN": "wrong"}):
        refused = await ask(api, "collection", "list", **environment)
        assert (refused.exit_code, "LEEWARD_TOKEN or --token-file" in refused.stderr) == (5, True)
        assert "wrong\n" not in refused.output


async def test_a_reader_is_told_what_a_change_takes(api: Api) -> None:
    refused = await ask(api, "collection", "create", "demo", LEEWARD_TOKEN=READER)
    assert (refused.exit_code, "role operator" in refused.stderr) == (5, True)


async def test_a_file_that_holds_no_token_is_told(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    for text in ("", "two words", "\udcff"):
        file.write_text(text, errors="surrogateescape")
        refused = await ask(api, "--token-file", file, "collection", "list")
        assert (refused.exit_code, "--token-file" in refused.stderr) == (2, True)


async def test_no_reply_sends_the_token_elsewhere() -> None:
    heard: list[str | None] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.json_response({"value": []})

    other = web.Application()
    other.router.add_get("/{rest:.*}", elsewhere)

    async def first(request: web.Request) -> web.Response:
        if request.query.get("$skip"):
            return web.json_response({"value": [request.headers["Authorization"]]})
        return web.json_response({"value": [1], "nextLink": f"{there}/api/v1/collections?$skip=1"})

    app = web.Application()
    app.router.add_get("/api/v1/collections", first)
    async with serving(other) as there, serving(app) as here, Connection(here, token="mine") as connection:
        assert await connection.list_all("/api/v1/collections") == [1, "Bearer mine"]
    assert heard == []
