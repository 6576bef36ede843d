"""What is out of scope costs what the absent costs, to the statement: no stopwatch tells them apart."""

from pathlib import Path

import msgspec

from services.scheduler.api.examples import EXAMPLES
from services.scheduler.api.schemas.jobs import JobDocument
from services.scheduler.domain.callers import Caller
from services.scheduler.store.open import open_store
from tests.parts.addresses import Address, addresses
from tests.parts.callers import CONFINED_OPERATOR, CONFINED_READER, HEADER, HERE, MINE, believed
from tests.parts.fakes_api import Api, a_job, running_api
from tests.parts.statements import Statements, statements_heard

BODIES: tuple[dict[str, object], ...] = (
    {},
    {"state": "Disabled"},
    EXAMPLES[JobDocument],
    {"properties": EXAMPLES[JobDocument]},
    {"value": []},
)


def routes(api: Api, collection: str) -> list[Address]:
    """All routes of one collection; of them all, the one that creates it comes last."""
    names = {"collection": collection, "job": "job", "host": "db-0", "event": "E1", "filename": "portal.css"}
    found = addresses(api.app, subscription=HERE.subscription, group=HERE.resource_group, **names)
    return [one for one in found if "{collection}" in one.pattern]


def creates(route: Address) -> bool:
    """Whether it makes a collection that is not there: who may see it is not answered as who may not."""
    return route.method == "PUT" and route.pattern.endswith("{collection}")


async def heard(api: Api, statements: Statements, route: Address, caller: Caller) -> list[list[str]]:
    """Return what the store is asked for a request, with each body in turn."""
    said = []
    for body in BODIES:
        url = f"{api.url}{route.path}?api-version=2016-03-01&$filter=state%20eq%20Enabled"
        data = None if route.method in ("GET", "HEAD") else msgspec.json.encode(body)
        statements.take()
        async with api.session.request(route.method, url, data=data, headers={HEADER: caller.name}) as response:
            assert response.status in (400, 403, 404), str(route)
            said.append([str(response.status), *statements.take()])
    return said


async def test_the_store_is_asked_the_same_for_what_is_out_of_scope_and_what_is_not_there(tmp_path: Path) -> None:
    looked_up = 0
    with statements_heard() as statements:
        store = open_store(f"sqlite:///{tmp_path}/leeward.db")
        async with running_api(store=store, burst_reads=0, burst_writes=0, middlewares=[believed]) as api:
            await api.call("PUT", "/collections/other", {})
            await api.call("PUT", "/collections/other/jobs/job", a_job())
            for caller in (CONFINED_READER, CONFINED_OPERATOR):
                for there, absent, own in zip(
                    *(routes(api, name) for name in ("other", "absent", MINE.collection)), strict=True
                ):
                    said = await heard(api, statements, there, caller)
                    assert said == await heard(api, statements, absent, caller), str(there)
                    looked_up += any("FROM collections" in text for one in said for text in one)
                    if not creates(there):
                        assert said == await heard(api, statements, own, caller), str(there)
    assert looked_up > 20
