"""The doctor at running services that lack something."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.operations.doctor.api import ApiPlace, examine_api
from services.operations.doctor.findings import Finding, Part, Result
from services.operations.doctor.readiness import Port, examine_readiness
from shared.clock import SystemClock
from shared.tokens import HEADER, TokenEntry, digest_of, token_of, write_token
from tests.parts.doctoring import failed, findings_of, results
from tests.parts.ports import free_port, listening
from tests.parts.programs import Program
from tests.parts.waiting import until

TOKEN = token_of(bytes(32))


async def asked(url: str, token: str = "") -> list[Finding]:
    place = ApiPlace(url=url, token=token)
    return await findings_of(lambda notes: examine_api(place, SystemClock(), 5, notes), Part.API)


async def readiness(program: str, ops_port: int) -> list[Finding]:
    port = Port(program=program, listen=f"127.0.0.1:{ops_port}", is_own=True)
    return await findings_of(lambda notes: examine_readiness([port], notes), Part.READINESS)


async def test_the_api_takes_the_token_or_the_doctor_says_what_to_set(tmp_path: Path) -> None:
    port, tokens = free_port(), tmp_path / "tokens"
    tokens.write_text(HEADER + write_token(TokenEntry(name="doctor", role="reader", digest=digest_of(TOKEN))))
    settings = {
        "LEEWARD_TOKENS_FILE": str(tokens),
        "LEEWARD_LISTEN": f"127.0.0.1:{port}",
        "LEEWARD_OPS_LISTEN": f"127.0.0.1:{free_port()}",
        "LEEWARD_DATABASE_URL": f"sqlite:///{tmp_path}/leeward.db",
        "LEEWARD_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}",
    }
    async with Program("services.scheduler", log=tmp_path / "log", settings=settings):
        await listening(port)
        url = f"http://127.0.0.1:{port}"
        without, wrong, right = await asked(url), await asked(url, "lwd_wrong"), await asked(url, TOKEN)
    assert failed(without).message.endswith("wants a token")
    assert failed(wrong).message.endswith("does not take the token")
    assert "LEEWARD_TOKEN_FILE" in failed(wrong).remedy
    assert {finding.result for finding in right} == {Result.OK}


async def test_what_a_watcher_lacks_is_told_in_its_own_words(tmp_path: Path) -> None:
    ops = free_port()
    settings = {
        "LEEWARD_IMDS_URL": f"http://127.0.0.1:{free_port()}",
        "LEEWARD_OPS_LISTEN": f"127.0.0.1:{ops}",
        "LEEWARD_MQTT_URL": f"mqtt://127.0.0.1:{free_port()}",
    }
    async with Program("services.vmwatch", log=tmp_path / "log", settings=settings):
        await listening(ops)
        await until(says(lambda: readiness("leeward-vmwatch", ops), "identity"))
        found = await readiness("leeward-vmwatch", ops)
    assert failed(found).message.startswith("leeward-vmwatch is not ready: identity:")


def says(look: Callable[[], Awaitable[list[Finding]]], text: str) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return any(text in finding.message for finding in await look())

    return holds


async def test_a_service_that_does_not_run_is_a_warning() -> None:
    assert results(await readiness("leeward-scheduler", free_port())) == {"leeward-scheduler": Result.WARNING}


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://leeward.invalid"])
async def test_an_api_that_nobody_serves_is_told(url: str) -> None:
    found = failed(await asked(url))
    assert found.message.startswith(f"{url} cannot be reached")
    assert "LEEWARD_URL" in found.remedy
