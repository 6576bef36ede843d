"""One world twice: what a confined caller sees of its own things, with and without those of others around them."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum

import msgspec
from aiohttp import StreamReader, web
from aiohttp.typedefs import Handler

from services.scheduler.api.callers import CALLER
from services.scheduler.domain.callers import ANYBODY, Caller, Role, Scope
from services.scheduler.domain.collections import Namespace
from services.scheduler.domain.hosts import HostCondition, HostReport
from services.scheduler.feed import Update
from services.scheduler.store.records import HostDrain
from tests.parts.api_work import run_due, turn
from tests.parts.arm import Arm
from tests.parts.builders import ANNOUNCED
from tests.parts.callers import HERE
from tests.parts.fakes_api import Api, a_job, every, running_api

THERE = Namespace(HERE.subscription, "there")
ELSEWHERE = Namespace("another", "default")
SCOPES = (Scope(HERE, "mine"), Scope(HERE, "Also-Mine"), Scope(THERE, "mine"), Scope(HERE, "never-made"))
CONFINED = Caller(name="olga", role=Role.OPERATOR, scopes=SCOPES)
COLLECTIONS = tuple(
    (namespace, name)
    for namespace in (HERE, THERE, ELSEWHERE)
    for name in ("also-mine", "mine", "mine2", "zulu", "alpha", "never-made")
)


class Verb(StrEnum):
    """What happens in one step."""

    PUT_COLLECTION = "put a collection"
    PUT_JOB = "put a job"
    DELETE_JOBS = "delete its jobs"
    RUN_DUE = "run what is due"


class Step(msgspec.Struct, frozen=True):
    """One thing that somebody does to a collection; the number tells jobs apart."""

    verb: Verb
    namespace: Namespace
    collection: str
    number: int

    @property
    def is_others(self) -> bool:
        """Whether the confined caller must not notice."""
        return self.verb is not Verb.RUN_DUE and not CONFINED.may_see(self.namespace, self.collection)


class Ids:
    """Ids that tell whose they are: those of one do not depend on how many the others were given."""

    def __init__(self) -> None:
        self.whose = "mine"
        self._given: Counter[str] = Counter()

    def __call__(self) -> str:
        """Return a fresh id."""
        self._given[self.whose] += 1
        return f"{self.whose}-{self._given[self.whose]:06}"


class World:
    """A scheduler in which steps are taken by everybody, and looked at by one."""

    def __init__(self, api: Api, ids: Ids) -> None:
        self.api = api
        self.ids = ids

    async def take(self, step: Step) -> None:
        """Do what the step says."""
        self.ids.whose = "theirs" if step.is_others else "mine"
        arm, path = Arm(self.api), _path(step.namespace, step.collection)
        match step.verb:
            case Verb.PUT_COLLECTION:
                sku = {"sku": {"name": "Standard"}, "state": ("Enabled", "Disabled")[step.number % 2]}
                await arm.call("PUT", path, {"properties": sku, "tags": {"number": str(step.number)}})
            case Verb.PUT_JOB:
                body = {"properties": a_job(recurrence=every(step.number))}
                await arm.call("PUT", f"{path}/jobs/job-{step.number}", body)
            case Verb.DELETE_JOBS:
                await arm.call("DELETE", f"{path}/jobs/job-{step.number}")
            case Verb.RUN_DUE:
                turn(self.api, minutes=step.number)
                await run_due(self.api)

    async def tell(self, summary: str, *, bare: str | None) -> None:
        """Publish what concerns a host, and for each collection what concerns its jobs."""
        publish, now = self.api.services.feed.publish, self.api.services.clock.now()
        for namespace in (HERE, THERE, ELSEWHERE):
            where = namespace.subscription, namespace.resource_group
            for one in await self.api.services.store.list_collections(*where, top=100, skip=0):
                data = {"collection": one.name}
                publish(Update(kind="execution", at=now, summary=one.name, data=data, collection_id=one.id))
        publish(Update(kind="host", at=now, summary=summary, bare=bare))

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[StreamReader]:
        """Give what the confined caller reads of the stream from now on."""
        self.ids.whose = "asked"
        url = f"{self.api.url}/api/v1/stream"
        async with self.api.session.get(url, headers={"x-confined": "1"}) as response:
            await response.content.readuntil(b"\n\n")
            yield response.content

    async def ask(self, method: str, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Return all that the confined caller reads in answer to a request."""
        self.ids.whose = "asked"
        async with self.api.session.request(method, f"{self.api.url}{path}", headers={"x-confined": "1"}) as answer:
            headers = {name: value for name, value in answer.headers.items() if name != "Date"}
            return answer.status, (await answer.read()).replace(self.api.url.encode(), b""), headers


@asynccontextmanager
async def a_world(
    steps: Sequence[Step], *, alone: bool, heartbeat: timedelta = timedelta(seconds=15)
) -> AsyncIterator[World]:
    """Give a world after the steps; `alone`: without those that others take, and what hosts have for them."""
    ids = Ids()
    others = 0 if alone else 7000
    host = HostReport(
        host="db-0", condition=HostCondition.CORDONED, watcher="online", running=others + 1, held=others + 2
    )
    async with running_api(
        host, middlewares=[_by_header], new_id=ids, heartbeat=heartbeat, burst_reads=0, burst_writes=0
    ) as api:
        drain = HostDrain(drain="draining", running=others + 3, held=others + 4, rerouted=others + 5)
        await api.services.store.put_event(msgspec.structs.replace(ANNOUNCED, hosts={"db-0": drain}))
        world = World(api, ids)
        for step in steps:
            if not (alone and step.is_others):
                await world.take(step)
        yield world


@web.middleware
async def _by_header(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[CALLER] = CONFINED if "x-confined" in request.headers else ANYBODY
    return await handler(request)


def _path(namespace: Namespace, collection: str) -> str:
    group = f"/subscriptions/{namespace.subscription}/resourceGroups/{namespace.resource_group}"
    return f"{group}/providers/Microsoft.Scheduler/jobCollections/{collection}"
