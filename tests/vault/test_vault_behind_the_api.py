"""What callers of the API are told about secrets that cannot be kept, and that those that can be are."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.scheduler.domain.secret_fields import secrets_of
from services.scheduler.domain.secrets import FileSecret, SealedSecret
from tests.parts.every_action import ACTIONS, BASIC, SECRETS, http
from tests.parts.fakes_api import Api, running_api
from tests.parts.vaults import key, references, vault

JOB = "/collections/payroll/jobs/nightly"


async def begun(api: Api) -> Api:
    """Give the API a collection."""
    assert (await api.call("PUT", "/collections/payroll", {})).status < 300
    return api


@pytest.fixture
async def keyless(tmp_path: Path) -> AsyncIterator[Api]:
    """An API whose scheduler has no keys, but a folder of files."""
    (tmp_path / "payroll").mkdir()
    (tmp_path / "payroll" / "password").write_text("mounted")
    async with running_api(secrets=vault(what=references(tmp_path, ("hr/PASSWORD",)))) as api:
        yield await begun(api)


async def test_without_keys_a_text_is_refused_by_the_name_of_the_setting(keyless: Api) -> None:
    reply = await keyless.call("PUT", JOB, {"action": http(BASIC)})
    assert reply.status == 400
    assert reply.document["field"] == "action.request.authentication.password"
    assert "LEEWARD_SECRET_KEYS_FILE" in reply.document["detail"]


async def test_without_keys_jobs_without_secrets_and_with_references_work(keyless: Api) -> None:
    assert (await keyless.call("PUT", JOB, {"action": http()})).status == 201
    reference = {**BASIC, "password": "secretref:file:password"}
    assert (await keyless.call("PUT", JOB, {"action": http(reference)})).status == 200
    _, [[job]] = await keyless.stored()
    [held] = secrets_of(job.definition.action)
    assert isinstance(held.secret, FileSecret)


@pytest.mark.parametrize("text", ["secretref:file:../hr/password", "secretref:vault:x", "secretref:env:PASSWORD"])
async def test_a_reference_to_nothing_of_the_collections_own_is_refused(keyless: Api, text: str) -> None:
    reply = await keyless.call("PUT", JOB, {"action": http({**BASIC, "password": text})})
    assert reply.status == 400
    assert reply.document["field"] == "action.request.authentication.password"


@pytest.mark.parametrize("kind", ACTIONS)
async def test_every_secret_is_stored_sealed(kind: str) -> None:
    async with running_api(secrets=vault(key("k1"))) as api:
        await begun(api)
        assert (await api.call("PUT", JOB, {"action": ACTIONS[kind]})).status == 201
        _, [[job]] = await api.stored()
        assert all(isinstance(held.secret, SealedSecret) for held in secrets_of(job.definition.action))
        assert not [secret for secret in SECRETS if secret in repr(job)]
