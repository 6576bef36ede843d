"""A thousand held jobs whose host comes back: they start in due order, so many a second, whoever lets them go."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.store.base import Store
from services.scheduler.store.records import Claim
from tests.parts.builders import definition, host
from tests.parts.dispatching import Dispatching
from tests.parts.fakes_api import HandClock
from tests.parts.stored import LEASE, NOW, SECOND, claim, draft, finished, put_collection

RATE = 20
JOBS = 1000
EARLIER = NOW - 10 * SECOND
PINNED = definition(host="db-0")


async def hold(store: Store, jobs: int = JOBS, name: str = "job") -> None:
    """Leave so many jobs held for db-0, due one after the other, the last written first."""
    collection = await put_collection(store)
    drafts = [draft(f"{name}-{n}", next_due=EARLIER - n * timedelta(milliseconds=1)) for n in range(jobs)]
    await store.put_jobs(collection.id, [replace(one, definition=PINNED) for one in drafts], NOW)
    owner = await store.register(name, NOW, LEASE)
    claims = await claim(store, owner, at=EARLIER, once=True, limit=jobs)
    held = [finished(one, held_for="db-0", held_under="Reboot", reason="reboot", rows=()) for one in claims]
    await store.settle(owner, held)
    assert len(claims) == jobs


def replica(store: Store, clock: HandClock) -> Dispatching:
    """Return a replica that sees db-0 free."""
    work = Dispatching(store, clock, release_rate=RATE)
    work.fleet = {(view := host("db-0")).key: view}
    return work


async def started(store: Store, seconds: int) -> list[Claim]:
    """Claim what goes second by second, as replicas do that run it at its instant."""
    owner = await store.register("claimer", NOW, LEASE)
    claims: list[Claim] = []
    for second in range(seconds):
        claims += await claim(store, owner, at=NOW + second * SECOND, limit=JOBS)
    return claims


def most_a_second(instants: list[datetime]) -> int:
    """Return how many came within any one second."""
    return max(sum(at <= one < at + SECOND for one in instants) for at in instants)


async def test_a_thousand_held_jobs_start_at_the_rate_of_their_host_in_due_order(store: Store) -> None:
    await hold(store)
    await replica(store, HandClock(NOW)).holds.look()
    assert await store.list_held() == []
    claims = await started(store, JOBS // RATE)
    instants = [one.occurrence.fire_at for one in claims]
    assert Counter(int((at - NOW) / SECOND) for at in instants) == dict.fromkeys(range(JOBS // RATE), RATE)
    assert [one.occurrence.due for one in claims] == sorted(one.occurrence.due for one in claims)


async def test_two_replicas_that_let_go_at_once_keep_the_rate_together(shared_store: Store) -> None:
    await hold(shared_store)
    await asyncio.gather(*(replica(shared_store, HandClock(NOW)).holds.look() for _ in range(2)))
    claims = await started(shared_store, 3 * JOBS // RATE)
    assert len({one.occurrence.id for one in claims}) == JOBS
    assert most_a_second([one.occurrence.fire_at for one in claims]) <= RATE


async def test_what_was_held_late_queues_up_behind_what_is_on_its_way(store: Store) -> None:
    await hold(store, 100)
    clock = HandClock(NOW)
    await replica(store, clock).holds.look()
    await hold(store, 100, "late")
    clock.turn(SECOND)
    await replica(store, clock).holds.look()
    claims = await started(store, 11)
    assert len(claims) == 200
    assert most_a_second([one.occurrence.fire_at for one in claims]) <= RATE
