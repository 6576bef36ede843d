"""A dispatch engine over the memory store, with a target that answers as told and no bus but an outlet."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec

from services.scheduler.dispatch.announcer import Announcer
from services.scheduler.dispatch.answers import Answer, Caller
from services.scheduler.dispatch.assurance import Assurance
from services.scheduler.dispatch.attempts import Attempts
from services.scheduler.dispatch.cases import Cases
from services.scheduler.dispatch.claims import Claims
from services.scheduler.dispatch.collection_policies import CollectionPolicies
from services.scheduler.dispatch.durations import Stopwatch
from services.scheduler.dispatch.engine import Engine
from services.scheduler.dispatch.held import Holds
from services.scheduler.dispatch.lanes import Lanes
from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.moves import Moves
from services.scheduler.dispatch.outcomes import Outcomes
from services.scheduler.dispatch.runner import Runner
from services.scheduler.dispatch.running import Running
from services.scheduler.domain.actions import ActionName, Call, HttpCall
from services.scheduler.domain.collections import Collection, CollectionDefinition, CollectionState, Namespace
from services.scheduler.domain.executions import HistoryRow, Occurrence
from services.scheduler.domain.hosts import FleetView, HostView
from services.scheduler.domain.jobs import Job, JobDefinition, JobState
from services.scheduler.errors import StoreUnavailableError
from services.scheduler.feed import Feed
from services.scheduler.metrics import Metrics
from services.scheduler.store.base import Store
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import (
    JobDraft,
)
from services.scheduler.tracing.base import Traces
from shared.bus import Publication
from shared.clock import Clock, SystemClock
from shared.topics import HostKey, Topics

NAMESPACE = Namespace(subscription="s", resource_group="g")
LEASE = timedelta(seconds=15)
Answers = Callable[[Occurrence], Answer]

GOOD = Answer(succeeded=True, retryable=True, message="done")
BAD = Answer(succeeded=False, retryable=True, message="not done")
FINAL = Answer(succeeded=False, retryable=False, message="never")


class ScriptedTarget:
    """Answers calls by a script; `gate` closed keeps them waiting, `way` closed even before they are sent.

    Cancel requests find no gate but their own, `cancelling`.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[HttpCall, Occurrence, HostView | None]] = []
        self.answers: Answers = lambda _: GOOD
        self.gate = asyncio.Event()
        self.way = asyncio.Event()
        self.cancelling = asyncio.Event()
        for open_at_first in (self.gate, self.way, self.cancelling):
            open_at_first.set()
        self._called = asyncio.Condition()

    async def call(
        self,
        call: Call,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Remember the call, wait for the gate, and answer."""
        assert isinstance(call, HttpCall)
        async with self._called:
            self.calls.append((call, occurrence, host))
            self._called.notify_all()
        await self.way.wait()
        on_sent()
        await (self.cancelling if occurrence.action is ActionName.CANCEL else self.gate).wait()
        return self.answers(occurrence)

    def target(self, call: Call, _host: HostView | None) -> str:
        """Tell targets apart by host and port, as the real caller does."""
        assert isinstance(call, HttpCall)
        return urlsplit(call.uri).netloc

    async def until_called(self, times: int) -> None:
        """Wait until so many calls have come; raises TimeoutError."""
        async with asyncio.timeout(10), self._called:
            await self._called.wait_for(lambda: len(self.calls) >= times)

    @property
    def attempts(self) -> list[int]:
        """The attempt numbers of the calls, in order."""
        return [occurrence.attempt for _, occurrence, _ in self.calls]


class SilentBus:
    """Takes publications and forgets them."""

    def is_read(self, _topic: str) -> bool:
        """Say that somebody listens."""
        return True

    def offer(self, _publication: Publication) -> bool:
        """Take a publication."""
        return True


class Dispatching:
    """One replica's dispatch, wired as `app` does, over any store; a `caller` takes the scripted target's place."""

    def __init__(
        self,
        store: Store,
        clock: Clock | None = None,
        caller: Caller | None = None,
        *,
        release_rate: float = 0,
        metrics: Metrics | None = None,
    ) -> None:
        self.store = store
        self.clock = clock or SystemClock()
        self.metrics = metrics or Metrics("test")
        self.target = ScriptedTarget()
        self.fleet: dict[HostKey, HostView] = {}
        self.moves = Moves()
        self.stopwatch = Stopwatch(store, self.metrics)
        self.policies = CollectionPolicies(store, self.metrics, changed=lambda: self.holds.look_soon())
        self.cases = Cases(
            collections=self.policies.of, expected=self.stopwatch.expected, look_up=self.stopwatch.look_up
        )
        self.outcomes = Outcomes()
        self.running = Running()
        self.claims = Claims()
        self.lanes = Lanes(concurrency=6, time=time.monotonic)
        ids = count()
        self.lease = Lease(store, self.clock, "one", LEASE, self.metrics)
        self.assurance = Assurance(self.lease)
        announcer = Announcer(
            SilentBus(), Topics(), Feed(), self.clock, self.metrics, replica="one", new_id=lambda: str(next(ids))
        )
        self.attempts = Attempts(
            caller or self.target, self.running, self.clock, self.metrics, ended=self.stopwatch.note
        )
        self.runner = Runner(
            store=store,
            clock=self.clock,
            lease=self.lease,
            assurance=self.assurance,
            claims=self.claims,
            attempts=self.attempts,
            outcomes=self.outcomes,
            running=self.running,
            announcer=announcer,
            metrics=self.metrics,
            fleet=lambda: FleetView(self.fleet.values()),
            cases=self.cases,
            moves=self.moves,
            traces=Traces(),
            lanes=self.lanes,
            size=8,
        )
        self.engine = Engine(
            store,
            self.clock,
            self.lease,
            self.assurance,
            self.claims,
            self.runner,
            self.outcomes,
            self.metrics,
            capacity=100,
            taken=self.cases.foresee,
        )
        self.holds = Holds(
            store,
            self.clock,
            announcer,
            fleet=lambda: FleetView(self.fleet.values()),
            cases=self.cases,
            load=self.running.load,
            rate=release_rate,
            released=self.engine.wake,
            metrics=self.metrics,
        )
        self.collection: Collection | None = None
        self.engine_task: asyncio.Task[None]

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Dispatching"]:
        """Dispatch for as long as the context lasts."""
        now = self.clock.now()
        self.collection, _ = await self.store.put_collection(NAMESPACE, "demo", CollectionDefinition(), now)
        await self.lease.begin()
        async with asyncio.TaskGroup() as tasks:
            runners = tasks.create_task(self.runner.run())
            self.engine_task = tasks.create_task(self.engine.run())
            stopwatch = tasks.create_task(self.stopwatch.run())
            yield self
            runners.cancel()
            self.engine_task.cancel()
            stopwatch.cancel()

    async def add(self, what: JobDefinition, *, name: str = "job", due: datetime | None = None) -> Job:
        """Create an enabled job that is due now, or at `due`."""
        if self.collection is None:
            raise RuntimeError("dispatch is not at work")
        now = self.clock.now()
        draft = JobDraft(
            uid=f"uid-{name}",
            name=name,
            definition=what,
            state=JobState.ENABLED,
            anchor=now,
            next_due=due or now,
            restart=True,
        )
        written = await self.store.put_jobs(self.collection.id, [draft], now)
        self.engine.wake()
        return written[0].job

    async def job(self, name: str = "job") -> Job:
        """Return a job as stored."""
        if self.collection is None:
            raise RuntimeError("dispatch is not at work")
        return await self.store.get_job(self.collection.id, name)

    async def rows(self, name: str = "job") -> list[HistoryRow]:
        """Return a job's history, oldest first."""
        found = await self.store.list_history((await self.job(name)).id, top=100, skip=0)
        return list(reversed(found))

    async def has_claimed(self) -> bool:
        """Say whether something is claimed now."""
        return bool((await self.store.gauges(self.clock.now())).occurrences.get("claimed"))

    async def until_rows(self, number: int, name: str = "job") -> list[HistoryRow]:
        """Wait until a job has so many history rows; raises TimeoutError."""
        async with asyncio.timeout(10):
            while len(rows := await self.rows(name)) < number:
                self.engine.wake()
                await asyncio.sleep(0.01)
        return rows

    async def replace(self, job: Job, **changes: object) -> Job:
        """Write a job again with changes of its draft, as the API does: without starting it anew."""
        fields: dict[str, object] = {
            "uid": job.uid,
            "name": job.name,
            "definition": job.definition,
            "state": job.state,
            "anchor": job.anchor,
            "next_due": job.next_due,
            "restart": False,
        }
        draft = JobDraft(**{**fields, **changes})  # type: ignore[arg-type]
        with self.engine.withheld([job.id]) as withheld:
            draft = msgspec.structs.replace(draft, withheld=withheld[job.id])
            written = await self.store.put_jobs(job.collection_id, [draft], self.clock.now())
        return written[0].job

    async def move_gate(self, state: CollectionState) -> None:
        """Open or close the collection, as the API does."""
        now = self.clock.now()
        collection, _ = await self.store.put_collection(NAMESPACE, "demo", CollectionDefinition(state=state), now)
        self.engine.forget_collection(collection.id)
        self.engine.wake()


class FaultyStore:
    """A store before which things go wrong: it is away, an answer is lost, a verb breaks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.away = False
        self.lost_answers: set[str] = set()
        self.faults: dict[str, list[Exception]] = {}
        self.calls: Counter[str] = Counter()

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        """Return a verb of the store, with what goes wrong before or after it."""
        real = getattr(self._store, verb)

        async def call(*arguments: Any, **named: Any) -> Any:
            self.calls[verb] += 1
            if self.away:
                raise StoreUnavailableError("away")
            if faults := self.faults.get(verb):
                raise faults.pop()
            answer = await real(*arguments, **named)
            if verb in self.lost_answers:
                self.lost_answers.discard(verb)
                raise StoreUnavailableError("the answer is lost")
            return answer

        return call


@asynccontextmanager
async def dispatching(
    clock: Clock | None = None, *, caller: Caller | None = None, release_rate: float = 0
) -> AsyncIterator[Dispatching]:
    """Give a dispatch at work over a fresh memory store."""
    ids = count()
    async with (
        MemoryStore(lambda: f"session-{next(ids)}") as store,
        Dispatching(store, clock, caller, release_rate=release_rate).at_work() as work,
    ):
        yield work


@asynccontextmanager
async def dispatching_over_faults() -> AsyncIterator[tuple[Dispatching, FaultyStore]]:
    """Give a dispatch at work over a memory store that can be made to fail."""
    ids = count()
    async with MemoryStore(lambda: f"session-{next(ids)}") as store:
        faulty = FaultyStore(store)
        async with Dispatching(cast("Store", faulty)).at_work() as work:
            yield work, faulty
