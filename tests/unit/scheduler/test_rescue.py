"""Who is dead and who hangs, told from looks alone: no clock of day is compared."""

from datetime import timedelta
from itertools import count

import pytest
from msgspec.structs import replace

from services.scheduler.dispatch.lease import Lease
from services.scheduler.dispatch.rescue import GAP, LOOK_SECONDS, SHAKEN_FOR, Cause, Rescue, Vigil
from services.scheduler.metrics import Metrics
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import Guard, Life, Ownership, SessionId
from tests.parts.fakes_api import HandClock
from tests.parts.stored import LEASE, NOW, put_job

LOOK = timedelta(seconds=LOOK_SECONDS)
SECOND = timedelta(seconds=1)
LONG = timedelta(hours=1)
IT = SessionId("other")


def life(renewed: int = 0, guard: Guard = Guard.HELD) -> Life:
    """Return a life that has been renewed so many times."""
    return Life(owner=Ownership(IT, 1), replica="other", lease_until=NOW + renewed * SECOND, lease=LEASE, guard=guard)


def watch(vigil: Vigil, one: Life, *, since: timedelta, until: timedelta) -> dict[SessionId, Cause]:
    """Look every half second at a life that does not change; return what the last look says."""
    at, said = since, dict[SessionId, Cause]()
    while at <= until:
        said = vigil.over([one], at)
        at += LOOK
    return said


def test_a_life_that_has_lost_its_lock_is_dead_after_a_second() -> None:
    vigil, lost = Vigil(), life(guard=Guard.LOST)
    assert vigil.over([lost], LONG) == {}
    assert vigil.over([lost], LONG + LOOK) == {}
    assert vigil.over([lost], LONG + 2 * LOOK) == {IT: Cause.DEAD}


def test_a_life_that_renews_or_takes_its_lock_again_is_not_dead() -> None:
    vigil, lost = Vigil(), life(guard=Guard.LOST)
    vigil.over([lost], LONG)
    assert vigil.over([life()], LONG + LOOK) == {}
    assert vigil.over([lost], LONG + 2 * LOOK) == {}
    assert vigil.over([life(renewed=1, guard=Guard.LOST)], LONG + 3 * LOOK) == {}
    assert vigil.over([life(renewed=1, guard=Guard.ABSENT)], LONG + 4 * LOOK) == {}


def test_a_life_that_does_not_renew_hangs_after_its_lease_whatever_its_lock_says() -> None:
    for guard in (Guard.HELD, Guard.ABSENT):
        vigil, silent = Vigil(), life(guard=guard)
        assert watch(vigil, silent, since=LONG, until=LONG + LEASE - LOOK) == {}
        assert vigil.over([silent], LONG + LEASE) == {IT: Cause.HUNG}


def test_a_renewal_to_an_earlier_instant_is_a_renewal_too() -> None:
    vigil, set_back = Vigil(), replace(life(), lease_until=NOW - LONG)
    watch(vigil, life(), since=LONG, until=LONG + LEASE - LOOK)
    assert watch(vigil, set_back, since=LONG + LEASE, until=LONG + 2 * LEASE - LOOK) == {}
    assert vigil.over([set_back], LONG + 2 * LEASE) == {IT: Cause.HUNG}


def test_after_looks_that_failed_or_came_late_each_life_gets_its_time_anew() -> None:
    vigil, silent = Vigil(), life(guard=Guard.LOST)
    watch(vigil, silent, since=LONG, until=LONG + LOOK)
    late = LONG + LOOK + GAP + LOOK
    assert vigil.over([silent], late) == {}
    assert vigil.over([silent], late + LOOK) == {}


def test_locks_say_nothing_for_a_while_after_the_own_guard_broke() -> None:
    vigil, lost = Vigil(), life(guard=Guard.LOST)
    vigil.shake(LONG)
    assert watch(vigil, lost, since=LONG, until=LONG + SHAKEN_FOR + LOOK) == {}
    assert watch(vigil, lost, since=LONG + SHAKEN_FOR + 2 * LOOK, until=LONG + SHAKEN_FOR + 3 * LOOK) == {
        IT: Cause.DEAD
    }


class Watching:
    """A replica that looks after another over one store, its time turned by hand."""

    def __init__(self) -> None:
        ids = count()
        self.store = MemoryStore(lambda: f"session-{next(ids)}")
        self.clock, self.wall, self.metrics, self.at = HandClock(), HandClock(), Metrics("test"), 1000.0
        self.lease = Lease(self.store, self.clock, "one", LEASE, self.metrics, wall=self.wall)
        self.rescued = 0
        self.rescue = Rescue(
            self.store, self.clock, self.lease, self.metrics, rescued=self._count, steady=lambda: self.at
        )

    def _count(self) -> None:
        self.rescued += 1

    async def look_for(self, length: timedelta, *others: Ownership) -> None:
        """Look every half second for so long, the own lease and those of others renewed in time."""
        for _ in range(length // LOOK):
            self.at += LOOK_SECONDS
            self.clock.turn(LOOK)
            self.wall.turn(LOOK)
            await self.lease.prove()
            for other in others:
                await self.store.renew(other, self.clock.now(), LEASE)
            await self.rescue.look()

    def takeovers(self, cause: str) -> float | None:
        """Return how many lives were taken over for a cause."""
        return self.metrics.registry.get_sample_value("leeward_lease_takeovers_total", {"cause": cause})


async def test_a_hung_replica_is_taken_over_at_its_lease_and_counted() -> None:
    watching = Watching()
    await watching.lease.begin()
    await put_job(watching.store)
    hung = await watching.store.register("two", watching.clock.now(), LEASE)
    await watching.look_for(LEASE)
    assert hung.session in await watching.store.live_sessions()
    await watching.look_for(2 * LOOK)
    assert await watching.store.live_sessions() == [watching.lease.owner.session]
    assert (watching.takeovers("hung"), watching.takeovers("dead"), watching.rescued) == (1, 0, 1)


async def test_a_replica_never_takes_over_its_own_life() -> None:
    watching = Watching()
    owner = await watching.lease.begin()
    for _ in range(2 * LEASE // LOOK):
        watching.at += LOOK_SECONDS
        await watching.rescue.look()
    assert await watching.store.live_sessions() == [owner.session]


async def test_whose_own_lease_ran_out_ends_nobodys_before_they_had_the_time_to_renew() -> None:
    watching = Watching()
    await watching.lease.begin()
    other = await watching.store.register("two", watching.clock.now(), LEASE)
    await watching.look_for(LEASE - SECOND)
    watching.wall.turn(2 * LEASE)  # the store was away: nobody could renew
    await watching.look_for(LEASE - SECOND)
    assert other.session in await watching.store.live_sessions()
    await watching.look_for(2 * SECOND)  # one lease, not two
    assert other.session not in await watching.store.live_sessions()


@pytest.mark.parametrize("step", [LONG, -LONG])
async def test_a_clock_that_is_set_ends_no_lease_and_keeps_none_alive(step: timedelta) -> None:
    watching = Watching()
    await watching.lease.begin()
    alive = await watching.store.register("alive", watching.clock.now(), LEASE)
    hung = await watching.store.register("hung", watching.clock.now(), LEASE)
    await watching.look_for(LEASE / 2, alive)
    watching.clock.turn(step)
    await watching.look_for(LEASE / 2 - SECOND, alive)
    assert len(await watching.store.live_sessions()) == 3
    await watching.look_for(2 * SECOND, alive)
    assert await watching.store.live_sessions() == [watching.lease.owner.session, alive.session]
    assert hung.session not in await watching.store.live_sessions()
