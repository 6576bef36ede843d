"""Callers with tokens of a file: who is let in, who is not, and what either learns."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.scheduler.access.tokens import Tokens
from services.scheduler.api.authentication import FAILURES
from services.scheduler.feed import Update
from services.scheduler.metrics import Metrics
from shared.settings import SettingsError
from shared.tokens import TOKEN_BYTES, token_of
from tests.parts.fakes_api import HOME, NOON, Api, HandClock, running_api
from tests.parts.tokens import OPERATOR, ORDERS, READER, bearer, by_file, change, line, three_callers

WRONG = token_of(b"w" * TOKEN_BYTES)
ARM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Scheduler/jobCollections/c?api-version=2016-03-01"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return three_callers(tmp_path)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("")


@pytest.fixture
async def api(file: Path, metrics: Metrics) -> AsyncIterator[Api]:
    async with running_api(rules=by_file(file), metrics=metrics) as api:
        yield api


def refused(metrics: Metrics, reason: str) -> float | None:
    return metrics.registry.get_sample_value("leeward_authentication_failures_total", {"reason": reason})


async def test_a_token_of_the_file_is_let_in(api: Api, metrics: Metrics) -> None:
    for token in (OPERATOR, READER, ORDERS):
        assert (await api.call("GET", "/collections", **bearer(token))).status == 200
    assert metrics.registry.get_sample_value("leeward_authentications_total", {"kind": "token"}) == 3


@pytest.mark.parametrize("path", ["/collections", "/stream", "/nowhere"])
async def test_nobody_is_let_in_without_one(api: Api, metrics: Metrics, path: str) -> None:
    reply = await api.call("GET", path)
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, 'Bearer realm="leeward"')
    assert reply.document["type"] == "urn:leeward:problem:unauthenticated"
    assert refused(metrics, "missing") == 1


async def test_the_description_of_the_api_is_for_callers_only(api: Api) -> None:
    assert (await api.call("GET", f"{api.url}/openapi.json")).status == 401
    description = (await api.call("GET", f"{api.url}/openapi.json", **bearer(READER))).document
    assert description["security"] == [{"token": []}, {"session": []}]
    assert set(description["components"]["securitySchemes"]) == {"token", "session"}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (f"Bearer {WRONG}", "unknown"),
        (f"Bearer {OPERATOR[:-1]}", "unknown"),
        (f"bearer {OPERATOR.upper()}", "unknown"),
        ("Bearer", "malformed"),
        ("Bearer \udcff", "malformed"),
        ("Bearer a.b.c", "unknown"),
        (f"Basic {OPERATOR}", "malformed"),
        (OPERATOR, "malformed"),
    ],
)
async def test_wrong_credentials_are_refused_all_alike(api: Api, metrics: Metrics, header: str, reason: str) -> None:
    reply = await api.call("GET", "/collections", Authorization=header)
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, 'Bearer realm="leeward", error="invalid_token"')
    assert reply.document["detail"] == "the credential is not accepted: it may be wrong, expired or removed"
    assert refused(metrics, reason) == 1


async def test_azures_paths_refuse_in_azures_form(api: Api) -> None:
    reply = await api.call("GET", f"{api.url}{ARM}", **bearer(WRONG))
    assert (reply.status, reply.document["error"]["code"]) == (401, "AuthenticationFailed")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await api.call("GET", f"{api.url}{ARM}", **bearer(OPERATOR))).status == 404


async def test_what_callers_read_is_kept_by_no_cache(api: Api) -> None:
    assert (await api.call("GET", "/collections", **bearer(READER))).headers["Cache-Control"] == "no-store"


async def test_a_token_ends_at_its_time(file: Path) -> None:
    async with running_api(rules=by_file(file)) as api:
        await change(api.services.access, file, line("guest", WRONG, expires_at=NOON + timedelta(minutes=1)))
        assert (await api.call("GET", "/collections", **bearer(WRONG))).status == 200
        clock = api.services.clock
        assert isinstance(clock, HandClock)
        clock.turn(timedelta(minutes=1))
        assert (await api.call("GET", "/collections", **bearer(WRONG))).status == 401


async def test_a_removed_token_is_refused_and_a_new_one_let_in(api: Api, file: Path) -> None:
    await change(api.services.access, file, line("new", WRONG))
    assert (await api.call("GET", "/collections", **bearer(OPERATOR))).status == 401
    assert (await api.call("GET", "/collections", **bearer(WRONG))).status == 200


@pytest.mark.parametrize("broken", ["ops operator sha256:short\n", None, "\udcff"])
async def test_a_broken_file_changes_nothing_and_is_told(
    api: Api, file: Path, metrics: Metrics, broken: str | None
) -> None:
    with capture_logs() as logs:
        await change(api.services.access, file, broken)
    assert (await api.call("GET", "/collections", **bearer(OPERATOR))).status == 200
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "short" not in str(logs)
    assert metrics.registry.get_sample_value("leeward_file_in_force", {"file": "tokens"}) == 0
    await change(api.services.access, file, line("new", WRONG))
    assert metrics.registry.get_sample_value("leeward_file_in_force", {"file": "tokens"}) == 1


def test_a_broken_file_at_start_is_a_fault_of_settings(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"{line('a', OPERATOR)}b reader {WRONG}\nc king sha256:{'0' * 64}\n")
    with pytest.raises(SettingsError) as caught:
        Tokens(path, HOME, HandClock(), Metrics(""))
    assert "line 2: the hash is" in str(caught.value)
    assert "line 3: the role is one of reader, operator" in str(caught.value)
    assert WRONG not in str(caught.value)


async def test_many_wrong_credentials_are_cut_short_and_lock_nobody_else_out(api: Api, metrics: Metrics) -> None:
    for _ in range(FAILURES):
        assert (await api.call("GET", "/collections", **bearer(WRONG))).status == 401
    reply = await api.call("GET", "/collections", **bearer(WRONG))
    assert (reply.status, reply.headers["Retry-After"]) == (429, "1")
    assert refused(metrics, "too_many") == 1
    assert (await api.call("GET", "/collections", **bearer(READER))).status == 200


async def test_a_stream_ends_with_the_right_to_it(file: Path) -> None:
    async with (
        running_api(rules=by_file(file), heartbeat=timedelta(milliseconds=20)) as api,
        api.session.get(f"{api.url}/api/v1/stream", headers=bearer(READER)) as stream,
    ):
        assert await stream.content.readline() == b": heartbeat\n"
        await change(api.services.access, file, "")
        api.services.feed.publish(Update(kind="host", at=NOON, summary="not for readers any more"))
        assert b"data:" not in await stream.content.read()
