"""`leeward job create --dry-run` and `update --dry-run` show what would be, and change nothing."""

import asyncio
import json
from collections.abc import Callable, Coroutine

import pytest
from click.testing import CliRunner, Result

from services.client.__main__ import leeward
from tests.parts.fakes_api import Api, a_job, every

Run = Callable[..., Coroutine[None, None, Result]]


@pytest.fixture
def run(api: Api) -> Run:
    """Runs the command in a thread, as a process of its own would."""

    async def command(*words: str, text: str | None = None) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, leeward, ["--url", api.url, *words], input=text)

    return command


async def test_a_new_job_is_shown_with_when_it_would_be_due(run: Run, api: Api) -> None:
    before = await api.stored()
    words = ("--uri", "http://web-0/x", "--weekdays", "Mon-Tue", "--hours", "18", "--minutes", "30", "--dry-run")
    result = await run("job", "create", "demo/new", *words)
    assert result.exit_code == 0, result.output
    assert "frequency: Week" in result.stdout
    assert "next due: 2026-03-02T12:00:00Z, 2026-03-02T18:30:00Z, 2026-03-03T18:30:00Z" in result.stderr
    assert await api.stored() == before


async def test_a_secret_is_not_shown(run: Run) -> None:
    words = ("--uri", "https://x.test/", "--username", "me", "--password-file", "-", "--every", "1h", "--dry-run")
    result = await run("job", "create", "demo/new", *words, "--output", "json", text="hush-hush")
    document = json.loads(result.stdout)["document"]
    assert document["action"]["request"]["authentication"]["password"] == "(given)"
    assert "hush" not in result.output


async def test_a_change_is_told_with_old_and_new(run: Run, api: Api) -> None:
    await api.call("PUT", "/collections/demo/jobs/hello", a_job(recurrence=every(5)))
    before = await api.stored()
    result = await run("job", "update", "demo/hello", "--cron", "0 5 * * *", "--dry-run")
    assert "recurrence.cron: - -> 0 5 * * *" in result.stderr
    assert "recurrence.interval: 5 -> -" in result.stderr
    assert "next due: 2026-03-03T05:00:00Z" in result.stderr
    assert await api.stored() == before


async def test_what_the_scheduler_would_refuse_is_refused_now(run: Run) -> None:
    words = ("--uri", "http://web-0/x", "--cron", "61 * * * *", "--dry-run")
    refused = await run("job", "create", "demo/new", *words)
    assert (refused.exit_code, "recurrence.cron" in refused.stderr) == (1, True)
    assert (await run("job", "create", "demo", "--file", "-", "--dry-run", text="[]")).exit_code == 2
