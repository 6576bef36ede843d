"""Certificates in job documents: who gives a bad one is told so, and keeps nobody else waiting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.scheduler.api.certificates import Certificates
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.api.schemas.strict import read
from services.scheduler.domain.collections import CollectionId
from services.scheduler.vault.pfx_files import PfxFiles
from services.scheduler.vault.pfx_reader import Described
from tests.parts.dear_pfx import dear_pfx
from tests.parts.every_action import ACTIONS, CERTIFICATE, http
from tests.parts.fakes_api import Api, running_api
from tests.parts.pfx import a_pfx
from tests.parts.readers import counted, doing, readers, starts

JOBS = "/collections/demo/jobs"
PROOF = "action.request.authentication"
DEAR = http({"type": "ClientCertificate", "pfx": dear_pfx("dear"), "password": "dear"})
TOO_LONG = "takes too long to open: export it again with fewer key derivation rounds, such as openssl's default"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where each start of a reader leaves a line."""
    return tmp_path / "starts"


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running_api(certificates=PfxFiles(cpu_seconds=1)) as running:
        await running.call("PUT", "/collections/demo", {})
        yield running


@pytest.fixture
async def watched(log: Path) -> AsyncIterator[Api]:
    async with running_api(certificates=PfxFiles(reader=counted(log), cpu_seconds=1)) as running:
        await running.call("PUT", "/collections/demo", {})
        yield running


async def test_a_file_that_takes_too_long_is_refused_and_others_are_served_meanwhile(api: Api) -> None:
    refused = asyncio.create_task(api.call("PUT", f"{JOBS}/dear", {"action": DEAR}))
    served, slowest, time = 0, 0.0, asyncio.get_running_loop().time
    while not refused.done():
        began = time()
        assert (await api.call("GET", JOBS)).status == 200
        served, slowest = served + 1, max(slowest, time() - began)
        await asyncio.wait([refused], timeout=0.02)
    reply = await refused
    assert (reply.status, reply.document["field"], reply.document["detail"]) == (400, f"{PROOF}.pfx", TOO_LONG)
    assert (served > 5, slowest < 1, readers()) == (True, True, [])


async def test_it_is_refused_in_a_patch_and_in_an_error_action_too(api: Api) -> None:
    assert (await api.call("PUT", f"{JOBS}/one", {"action": ACTIONS["certificate"]})).status == 201
    before = await api.stored()
    for action, path in ((DEAR, PROOF), ({"errorAction": DEAR}, "action.errorAction.request.authentication")):
        reply = await api.call("PATCH", f"{JOBS}/one", {"action": action})
        assert (reply.status, reply.document["field"], reply.document["detail"]) == (400, f"{path}.pfx", TOO_LONG)
    assert await api.stored() == before


async def test_a_batch_with_one_certificate_opens_it_once(watched: Api, log: Path) -> None:
    batch = [{"name": f"job-{number}", "action": ACTIONS["certificate"]} for number in range(500)]
    batch += [{"name": "bad", "action": http({**CERTIFICATE, "password": "wrong"})}, {"name": "dear", "action": DEAR}]
    reply = await watched.call("POST", f"{JOBS}:batch", {"value": batch})
    statuses = {one["name"]: one["status"] for one in reply.document["value"]}
    assert statuses == {**{one["name"]: 201 for one in batch}, "bad": 400, "dear": 400}
    assert starts(log) == 3


async def test_what_is_not_opened_starts_no_process(watched: Api, log: Path) -> None:
    referred: list[dict[str, Any]] = [
        {"type": "ClientCertificate", "pfx": "secretref:file:client.pfx"},
        {"type": "ClientCertificate", "pfx": a_pfx(), "password": "secretref:env:PFX_PASSWORD"},
        {"type": "Basic", "username": "me", "password": "x"},
    ]
    for proof in referred:
        assert (await watched.call("PUT", f"{JOBS}/one", {"action": http(proof)})).status in (200, 201)
    for proof in ({**CERTIFICATE, "pfx": "?"}, {**CERTIFICATE, "pfx": ""}, {**CERTIFICATE, "pfx": "secretref:x"}):
        assert (await watched.call("PUT", f"{JOBS}/one", {"action": http(proof)})).status == 400
    assert starts(log) == 0


async def test_a_reader_that_breaks_tells_callers_nothing_of_itself() -> None:
    script = "import sys; print(sys.stdin.read(), file=sys.stderr); raise ValueError('inside')"
    async with running_api(certificates=PfxFiles(reader=doing(script))) as api:
        await api.call("PUT", "/collections/demo", {})
        reply = await api.call("PUT", f"{JOBS}/one", {"action": ACTIONS["certificate"]})
    assert (reply.status, reply.document["field"]) == (400, f"{PROOF}.pfx")
    assert reply.document["detail"] == "could not be opened here; export it again as openssl does by default"


async def test_a_batch_has_files_opened_for_so_long_only_and_goes_on_when_it_is_sent_again() -> None:
    files = PfxFiles()
    proofs = [{"type": "ClientCertificate", "pfx": a_pfx(word), "password": word} for word in ("one", "two")]
    documents = [read({"action": http(proof)}, JobDocument) for proof in proofs]

    async def sent() -> list[bool]:
        certificates = Certificates(files, CollectionId(1), most_seconds=0)
        told = [(await certificates.of(document))[PROOF] for document in documents]
        return [isinstance(one, Described) for one in told]

    assert await sent() == [True, False]
    assert await sent() == [True, True]
