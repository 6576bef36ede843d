"""Real trouble with schedulers, their database, targets and callers, and the alerts that a real Prometheus raises."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from tests.parts.alerting import hastened
from tests.parts.mosquitto import Mosquitto
from tests.parts.ports import free_port
from tests.parts.postgres import Postgres
from tests.parts.prometheus import Prometheus, Scrape
from tests.parts.recorder import Recorder
from tests.parts.replicas import Replica, Team
from tests.parts.tokens import READER, bearer, three_callers
from tests.parts.watched_team import all_listen

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.system, pytest.mark.postgresql]

GUARDED = "guarded"
"""The replica that asks callers who they are; the other two ask nobody."""


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """A PostgreSQL of this module's own: it is stopped."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the replicas' files are: tokens of callers, and a secret of the jobs of demo."""
    chosen = tmp_path_factory.mktemp("replicas")
    three_callers(chosen)
    (chosen / "secrets" / "demo").mkdir(parents=True)
    (chosen / "secrets" / "demo" / "password").write_text("a password")
    return chosen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def team(folder: Path, database: Postgres) -> AsyncIterator[Team]:
    """Three replicas on one database."""
    common = {"LEEWARD_TARGET_CONCURRENCY": "2", "LEEWARD_SECRETS_DIR": str(folder / "secrets")}
    callers = {
        "LEEWARD_TOKENS_FILE": str(folder / "tokens"),
        "LEEWARD_OIDC_ISSUER": f"http://127.0.0.1:{free_port()}",
        "LEEWARD_OIDC_AUDIENCE": "leeward",
        "LEEWARD_CALLER_RATE": "1",
    }
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(folder))
        targets = await stack.enter_async_context(Recorder("127.0.0.1"))
        http = await stack.enter_async_context(ClientSession())
        url = await database.new_database()
        running = await stack.enter_async_context(Team(folder, url, broker.url, targets, http))
        for name in ("one", "two", GUARDED):
            await running.start(name, environment={**common, **(callers if name == GUARDED else {})})
        await all_listen(running)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def judge(team: Team, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    """A Prometheus that judges the replicas by rules that wait for nothing."""
    chosen = tmp_path_factory.mktemp("prometheus")
    (chosen / "rules").mkdir()
    scrapes = (
        Scrape(job="leeward-scheduler", address=f"127.0.0.1:{each.ops_port}", labels={"instance": each.name})
        for each in team.replicas
    )
    async with Prometheus(chosen, *scrapes, rules=hastened(chosen / "rules")) as running:
        await running.until_scraped()
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def calm(team: Team, judge: Prometheus) -> AsyncIterator[Prometheus]:
    """The judge; afterwards all replicas run, and there are no jobs."""
    yield judge
    team.targets.gate.set()
    for replica in team.replicas:
        if replica.program.has_ended:
            await replica.program.start()
    await all_listen(team)
    await team.call(team.replicas[0], "PUT", "/collections/demo", {})
    await team.call(team.replicas[0], "DELETE", "/collections/demo")
    team.targets.gate.clear()


async def brought_by(judge: Prometheus, *names: str) -> None:
    """Wait until the alerts are quiet, so that it is a test's own trouble that they tell of."""
    await judge.until_quiet(*names)
    assert not set(names) & await judge.firing()


def named(team: Team, name: str) -> Replica:
    return next(each for each in team.replicas if each.name == name)


async def ask(team: Team, token: str, times: int) -> set[int]:
    """Ask the guarded replica for its collections so many times; return what it answered."""
    url = f"http://127.0.0.1:{named(team, GUARDED).api_port}/api/v1/collections"
    answers = set()
    async with ClientSession() as http:
        for _ in range(times):
            async with http.get(url, headers=bearer(token)) as reply:
                answers.add(reply.status)
    return answers


async def test_an_issuer_that_is_away_is_told_and_one_that_nobody_asks_is_not(calm: Prometheus) -> None:
    await calm.until_firing("LeewardIssuerAway")
    found = await calm.query('ALERTS{alertname="LeewardIssuerAway"}')
    assert [each.metric["instance"] for each in found] == [GUARDED]


async def test_wrong_tokens_and_too_many_requests_are_told(team: Team, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardCallersRefused", "LeewardCallersThrottled")
    assert await ask(team, "lw_guessed", 40) == {401}
    assert 429 in await ask(team, READER, 10)
    await calm.until_firing("LeewardCallersRefused", "LeewardCallersThrottled")


async def test_a_tokens_file_that_cannot_be_read_is_told_until_it_is_mended(
    folder: Path, team: Team, calm: Prometheus
) -> None:
    await brought_by(calm, "LeewardFileNotInForce")
    (folder / "tokens").write_text("nonsense\n")
    await calm.until_firing("LeewardFileNotInForce")
    three_callers(folder)
    await calm.until_quiet("LeewardFileNotInForce")
    assert 200 in await ask(team, READER, 1)


async def test_a_secret_that_is_gone_is_told(folder: Path, team: Team, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardSecretsFail")
    secret = folder / "secrets" / "demo" / "password"
    job = team.job("/tick-secret")
    login = {"type": "Basic", "username": "somebody", "password": "secretref:file:password"}
    job["action"]["request"]["authentication"] = login
    await team.call(team.replicas[0], "PUT", "/collections/demo", {})
    await team.call(team.replicas[0], "PUT", "/collections/demo/jobs/secret", job)
    await team.targets.until_hit("/tick-secret")
    secret.rename(secret.with_suffix(".away"))
    await calm.until_firing("LeewardSecretsFail")
    assert await calm.value('sum(leeward_secret_failures_total{reason="missing"})')


async def test_targets_that_fail_and_targets_that_hang_are_told(team: Team, calm: Prometheus) -> None:
    await brought_by(calm, "LeewardExecutionsFail", "LeewardTargetsFull")
    for number in range(8):
        await team.create_job(f"failing-{number}", "/fail", overlap="Allow")
    await calm.until_firing("LeewardExecutionsFail")
    for number in range(8):
        await team.create_job(f"hanging-{number}", "/gated")
    await calm.until_firing("LeewardTargetsFull")
    assert await calm.value("max(leeward_targets_full)") == 1


async def test_a_replica_that_is_killed_is_told(team: Team, database: Postgres, calm: Prometheus) -> None:
    names = ("LeewardLeaseTakenOver", "LeewardSchedulerDown")
    await brought_by(calm, *names)
    await database.until_locks_tell()
    await named(team, "two").program.kill()
    await calm.until_firing(*names)
    taken = await calm.query('ALERTS{alertname="LeewardLeaseTakenOver"}')
    assert "dead" in {each.metric["cause"] for each in taken}


async def test_a_replica_that_hangs_with_work_in_hand_is_told_with_all_that_follows(
    team: Team, calm: Prometheus
) -> None:
    names = ("LeewardLeaseLost", "LeewardOutcomesRefused", "LeewardLatenessBudgetBurnsFast")
    await brought_by(calm, *names)
    seen = len(team.targets.hits)
    await team.create_job("dump", "/gated", every=None)
    await team.targets.until_hit("/gated", after=seen)
    hanging = await team.runs_on()
    await team.create_ticks(10)
    hanging.program.freeze()
    await team.targets.until_hit("/gated", after=len(team.targets.hits))
    hanging.program.thaw()
    team.targets.gate.set()
    await calm.until_firing(*names, "LeewardLatenessBudgetBurnsSlowly")
    lost = await calm.query('ALERTS{alertname="LeewardLeaseLost"}')
    assert hanging.name in {each.metric["instance"] for each in lost}


async def test_a_database_that_is_gone_is_told_with_what_is_not_recorded(
    team: Team, database: Postgres, calm: Prometheus
) -> None:
    names = ("LeewardStoreDown", "LeewardOutcomesNotRecorded")
    await brought_by(calm, *names)
    seen = len(team.targets.hits)
    await team.create_job("dump", "/gated", every=None)
    await team.targets.until_hit("/gated", after=seen)
    database.stop("fast")
    team.targets.gate.set()
    try:
        await calm.until_firing(*names)
        assert (await calm.value("sum(leeward_outcomes_waiting)") or 0) >= 1
    finally:
        database.start()
    await calm.until_quiet(*names)
