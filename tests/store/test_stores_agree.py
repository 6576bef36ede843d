"""Memory and SQL answer the same to the same random life, move by move."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from msgspec.structs import asdict, replace

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.collections import CollectionState
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, Next, Occurrence
from services.scheduler.domain.jobs import Job, JobState
from services.scheduler.errors import ConflictError, NotFoundError
from services.scheduler.store.base import Store
from services.scheduler.store.open import open_store
from services.scheduler.store.records import (
    Claim,
    JobDraft,
    Outcome,
    Ownership,
    Release,
)
from tests.parts.stored import (
    LEASE,
    MINUTE,
    NOW,
    SOMEWHERE,
    asked_for,
    claim,
    draft,
    finished,
    put_collection,
    rescue,
    row,
)

_NAMES = ["a", "B", "c", "ÿ"]
_STEPS = 120


class Player:
    """Plays the moves that a seed decides on one store, and tells what it saw; ids of the database left out."""

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._dice = random.Random(seed)
        self._now = NOW
        self._claims: dict[str, Claim] = {}
        self._owner: Ownership | None = None

    async def play(self) -> object:
        """Make one move and return its answer with all that can be read afterwards."""
        self._now += timedelta(seconds=self._dice.randrange(40))
        moves: list[Callable[[], Awaitable[object]]] = [
            *[self._put] * 2,
            *[self._claim] * 4,
            *[self._settle] * 4,
            *[self._release] * 2,
            self._run,
            self._restart,
            self._delete,
            self._gate,
            self._prune,
        ]
        move = self._dice.choice(moves)
        return move.__name__, await move(), await self._seen()

    async def _put(self) -> object:
        collection = await self._store.get_collection(SOMEWHERE, "nightly")
        drafts = [self._draft(self._dice.choice(_NAMES)) for _ in range(self._dice.randrange(1, 4))]
        try:
            written = await self._store.put_jobs(collection.id, drafts, self._now)
        except ConflictError:
            return "conflict"
        return [(_told(one.job), one.created) for one in written]

    def _draft(self, name: str) -> JobDraft:
        dice = self._dice
        made = draft(
            dice.choice([name, name.upper()]),
            state=dice.choice([JobState.ENABLED, JobState.ENABLED, JobState.DISABLED]),
            next_due=dice.choice([None, self._now, self._now + MINUTE]),
            restart=dice.random() < 0.3,
            revision=dice.choice([None, None, None, None, 1]),
            uid=f"uid-{name}",
        )
        return replace(made, replan=dice.random() < 0.4)

    async def _claim(self) -> object:
        owner = await self._life()
        wait = timedelta(seconds=self._dice.choice([0, 0, 25]))
        claims = await claim(self._store, owner, at=self._now, once=self._dice.random() < 0.5, wait=wait)
        self._claims |= {one.occurrence.id: one for one in claims}
        return sorted((_of(one.occurrence), _told(one.job), one.contended) for one in claims)

    async def _settle(self) -> object:
        chosen = [self._claims.pop(key) for key in sorted(self._claims) if self._dice.random() < 0.6]
        return sorted(await self._store.settle(await self._life(), [self._outcome(one) for one in chosen]))

    def _outcome(self, one: Claim) -> Outcome:
        dice = self._dice
        state = dice.choice([None, JobState.COMPLETED, JobState.FAULTED])
        match dice.randrange(5):
            case 0:
                at = self._now + timedelta(seconds=dice.randrange(60))
                return finished(one, following=Next(action=ActionName.ERROR, fire_at=at, retries=dice.randrange(3)))
            case 1:
                return finished(one, main_attempts=0, held_for="db-0", reason="reboot")
            case 2:
                return finished(one, unplan=True, replan=dice.choice([None, self._now + MINUTE]), job_state=state)
            case 3:
                return finished(one, rows=(), main_attempts=0, deferred_until=self._now + MINUTE)
        return finished(one, failures=1, faulted=True, last_execution_time=self._now, job_state=state)

    async def _release(self) -> object:
        held = [one for one in await self._store.list_held() if self._dice.random() < 0.6]
        releases = [
            Release(occurrence_id=one.occurrence.id, job_id=one.job.id, fire_at=self._now)
            if self._dice.random() < 0.5
            else Release(
                occurrence_id=one.occurrence.id,
                job_id=one.job.id,
                row=row(one.occurrence, HistoryStatus.SKIPPED, self._now),
                job_state=JobState.COMPLETED,
            )
            for one in held
        ]
        return sorted(await self._store.release(releases))

    async def _run(self) -> object:
        job = await self._job()
        return job and await self._store.add_run(asked_for(job, str(self._dice.randrange(3)), self._now))

    async def _restart(self) -> object:
        owner, self._owner = await self._life(), None
        if self._dice.random() < 0.5:
            await self._store.resign(owner)
            return None
        return await rescue(self._store, self._now + LEASE)

    async def _delete(self) -> object:
        job = await self._job()
        if job is not None and self._dice.random() < 0.3:
            await self._store.delete_job(job.collection_id, job.name)
        return None

    async def _gate(self) -> object:
        return (await put_collection(self._store, state=self._dice.choice(list(CollectionState)))).definition

    async def _prune(self) -> object:
        job = await self._job()
        await self._store.sweep(limit=10_000)  # in SQL a deleted job's history goes later than in memory
        trimmed = 0 if job is None else await self._store.trim_history([job.id], keep=3)
        return trimmed, await self._store.prune(older_than=self._now - 5 * MINUTE, limit=10_000)

    async def _life(self) -> Ownership:
        if self._owner is None:
            self._owner = await self._store.register("scheduler-0", self._now, LEASE)
        await self._store.renew(self._owner, self._now, LEASE)
        return self._owner

    async def _job(self) -> Job | None:
        collection = await self._store.get_collection(SOMEWHERE, "nightly")
        try:
            return await self._store.get_job(collection.id, self._dice.choice(_NAMES))
        except NotFoundError:
            return None

    async def _seen(self) -> object:
        collection = await self._store.get_collection(SOMEWHERE, "nightly")
        jobs = await self._store.list_jobs(collection.id, top=99, skip=0)
        return (
            [_told(job) for job in jobs],
            [(_of(one.occurrence), one.job.name) for one in await self._store.list_held()],
            [[_line(line) for line in await self._store.list_history(job.id, top=99, skip=0)] for job in jobs],
            await self._store.gauges(self._now),
            await self._store.job_counts(),
        )


def _told(job: Job) -> str:
    return repr({name: value for name, value in asdict(job).items() if name not in ("id", "collection_id")})


def _of(occurrence: Occurrence) -> str:
    return repr({name: value for name, value in asdict(occurrence).items() if name != "job_id"})


def _line(line: HistoryRow) -> str:
    return repr({name: value for name, value in asdict(line).items() if name not in ("id", "job_id")})


@pytest.fixture
async def pair(sql_url: str) -> AsyncIterator[list[Store]]:
    """A memory store and a SQL store, with an empty collection each."""
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(address)) for address in ("memory://", sql_url)]
        for store in stores:
            await put_collection(store)
        yield stores


@pytest.mark.parametrize("seed", range(4))
async def test_memory_and_sql_live_the_same_life(pair: list[Store], seed: int) -> None:
    in_memory, in_sql = (Player(store, seed) for store in pair)
    for step in range(_STEPS):
        assert await in_memory.play() == await in_sql.play(), f"step {step}"
