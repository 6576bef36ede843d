"""`leeward context`: schedulers by name, in a file that never holds a token."""

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from tests.parts.fakes_api import running_api
from tests.parts.tokens import OPERATOR, by_file, three_callers

Run = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the configuration file is to be."""
    return tmp_path / "config" / "leeward" / "config.yaml"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command as somebody whose home is empty."""

    def command(*words: str | Path, **environment: str) -> Result:
        home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
        return CliRunner().invoke(leeward, list(map(str, words)), env=home | environment)

    return command


def test_contexts_are_set_listed_used_shown_and_removed(run: Run, file: Path) -> None:
    assert run("context", "list").stderr == "nothing found\n"
    first = run("context", "set", "prod", "--url", "https://s:8443/", "--token-file", "env:PROD", "--output", "wide")
    assert (first.exit_code, first.stdout) == (0, "context prod is https://s:8443, in use\n")
    assert run("context", "set", "test", "--url", "http://t").stdout == "context test is http://t\n"
    assert run("context", "use", "test").exit_code == 0
    assert run("context", "list", "--output", "name").stdout.split() == ["prod", "test"]
    assert json.loads(run("context", "show", "--output", "json").stdout) == {
        "name": "test", "current": True, "url": "http://t",
    }  # fmt: skip
    assert run("context", "remove", "test").exit_code == 0
    assert yaml.safe_load(file.read_text()) == {
        "contexts": {"prod": {"url": "https://s:8443", "tokenFile": "env:PROD", "output": "wide"}}
    }


def test_what_is_not_given_again_stays(run: Run, file: Path) -> None:
    run("context", "set", "prod", "--url", "https://s", "--token-file", "env:PROD")
    run("context", "set", "prod", "--ca", "ca.pem")
    [prod] = yaml.safe_load(file.read_text())["contexts"].values()
    assert (prod["url"], prod["tokenFile"], Path(prod["ca"]).is_absolute()) == ("https://s", "env:PROD", True)


def test_the_file_is_its_owners_alone(run: Run, file: Path) -> None:
    run("context", "set", "prod", "--url", "https://s")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    file.chmod(0o660)
    refused = run("context", "list")
    assert (refused.exit_code, f"chmod 600 {file}" in refused.stderr) == (2, True)


def test_a_token_that_others_can_read_is_told(run: Run, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("lwd_1\n")
    token.chmod(0o644)
    assert "chmod 600" in run("context", "set", "prod", "--url", "https://s", "--token-file", token).stderr
    token.chmod(0o600)
    assert run("context", "set", "prod", "--token-file", token).stderr == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("contexts: {prod: {url: 'http://s', token: lwd_1}}", "unknown field `token`"),
        ("contexts: {prod: {}}", "missing required field `url`"),
        ("contexts: [", "line 1: is no YAML"),
        ("current: gone", "there is no context 'gone'"),
    ],
)
def test_a_file_that_is_not_right_is_told_with_its_place(run: Run, file: Path, text: str, told: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)
    file.chmod(0o600)
    refused = run("collection", "list")
    assert (refused.exit_code, told in refused.stderr, "lwd_1" in refused.output) == (2, True, False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("use", "nobody"), 4),
        (("show", "nobody"), 4),
        (("show",), 4),
        (("remove", "nobody"), 4),
        (("set", "new"), 2),
        (("set", "new", "--url", "ftp://s"), 2),
        (("set", "new", "--url", "http://me:secret@s"), 2),
    ],
)
def test_what_cannot_be_done_is_told(run: Run, file: Path, words: tuple[str, ...], code: int) -> None:
    refused = run("context", *words)
    assert (refused.exit_code, refused.stderr == "") == (code, False)
    assert not file.exists()


async def test_a_context_leads_to_its_scheduler_with_its_token(run: Run, tmp_path: Path) -> None:
    async with running_api(rules=by_file(three_callers(tmp_path))) as api:
        set_ = run("context", "set", "mine", "--url", api.url, "--token-file", "env:MINE")
        assert set_.exit_code == 0
        made = await asyncio.to_thread(run, "collection", "create", "demo", MINE=OPERATOR)
        assert (made.exit_code, made.stderr) == (0, "")
        bare = await asyncio.to_thread(run, "collection", "list", "--url", api.url, MINE=OPERATOR)
        assert (bare.exit_code, "no token" in bare.stderr or "token" in bare.stderr) == (5, True)
        other = await asyncio.to_thread(run, "--context", "none", "collection", "list", MINE=OPERATOR)
        assert other.exit_code == 2
