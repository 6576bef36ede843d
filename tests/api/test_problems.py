"""Whatever goes wrong is a problem document with a request id."""

from collections.abc import Sequence

from services.scheduler.domain.callers import Scope
from services.scheduler.domain.collections import Collection
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.store.memory.store import MemoryStore
from tests.parts.fakes_api import Api, running_api


class DownStore(MemoryStore):
    """A store whose database is away."""

    async def list_collections(
        self,
        subscription: str,
        resource_group: str | None,
        *,
        within: Sequence[Scope] | None = None,
        top: int,
        skip: int,
    ) -> list[Collection]:
        raise StoreUnavailableError("db-7.internal does not answer")


class BrokenStore(MemoryStore):
    """A store with a fault in it."""

    async def list_collections(
        self,
        subscription: str,
        resource_group: str | None,
        *,
        within: Sequence[Scope] | None = None,
        top: int,
        skip: int,
    ) -> list[Collection]:
        raise RuntimeError("a secret detail")


async def test_an_unknown_path_and_a_wrong_method_are_problems(api: Api) -> None:
    missing = await api.call("GET", "/nothing")
    wrong = await api.call("POST", "/collections")
    assert (missing.status, wrong.status) == (404, 405)
    assert missing.headers["Content-Type"] == wrong.headers["Content-Type"] == "application/problem+json"
    assert "GET" in wrong.headers["Allow"]


async def test_every_reply_has_a_request_id_that_its_problem_repeats(api: Api) -> None:
    good = await api.call("GET", "/collections")
    bad = await api.call("GET", "/collections/none")
    assert good.headers["x-ms-request-id"]
    assert bad.headers["x-ms-request-id"] == bad.document["requestId"]
    assert bad.document == {
        "type": "urn:leeward:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "collection none does not exist",
        "requestId": bad.headers["x-ms-request-id"],
    }


async def test_a_store_that_is_away_is_503_with_a_time_to_come_back_and_no_word_of_the_database() -> None:
    async with running_api(store=DownStore(lambda: "s")) as api:
        reply = await api.call("GET", "/collections")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert reply.document["detail"] == "the store is away; nothing is lost, try again in a moment"


async def test_a_fault_of_ours_tells_no_details_but_an_id() -> None:
    async with running_api(store=BrokenStore(lambda: "s")) as api:
        reply = await api.call("GET", "/collections")
    assert reply.status == 500
    assert "secret" not in str(reply.document)
    assert reply.document["requestId"] == reply.headers["x-ms-request-id"]
