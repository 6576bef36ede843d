"""Drains: over all replicas, closed before they are called drained, published by one, taken down at the end."""

from datetime import timedelta
from itertools import count

from services.scheduler.domain.hosts import STARTED
from services.scheduler.domain.placement import Hold, Run, decide
from services.scheduler.domain.policies import Maintenance, MaintenanceRule
from services.scheduler.fleet.drains import Work, state_of
from services.scheduler.settings import Approve
from services.scheduler.store.memory.store import MemoryStore
from services.scheduler.store.records import (
    DrainReport,
)
from shared.messages import DrainState
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, case, definition, event
from tests.parts.fleets import LEASE, TOPICS, Watched

LATE = Maintenance(rule=MaintenanceRule(lead_time=timedelta(minutes=1)))
DB_0 = HostKey("db-0")


def test_what_crossed_not_before_was_not_drained_in_time_and_stays_so() -> None:
    later = NOON + timedelta(minutes=1)
    assert state_of("draining", 1, complete=True, deadline=later, now=NOON) is DrainState.DRAINING
    assert state_of("draining", 1, complete=True, deadline=NOON, now=NOON) is DrainState.OVERDUE
    assert state_of("overdue", 0, complete=True, deadline=later, now=NOON) is DrainState.OVERDUE
    assert state_of("draining", 0, complete=False, deadline=later, now=NOON) is DrainState.DRAINING
    assert state_of("draining", 0, complete=True, deadline=NOON, now=NOON) is DrainState.DRAINED


async def test_a_drain_goes_from_draining_to_drained_as_what_runs_ends() -> None:
    watched = await Watched("db-0").begin()
    watched.work["db-0"] = Work(running=2, held=1)
    watched.see("db-0", event("db-0"))
    await watched.look()
    assert (watched.drain("db-0").state, watched.drain("db-0").running) == (DrainState.DRAINING, 2)
    watched.work["db-0"] = Work(held=3, rerouted=4)
    await watched.look()
    drain = watched.drain("db-0")
    assert (drain.state, drain.held, drain.rerouted, drain.deadline) == ("drained", 3, 4, NOON + timedelta(minutes=15))
    assert (await watched.record()).hosts["db-0"].drain == DrainState.DRAINED


async def test_an_event_that_starts_while_something_runs_is_overdue() -> None:
    watched = await Watched("db-0").begin()
    watched.work["db-0"] = Work(running=1)
    watched.see("db-0", event("db-0", status=STARTED))
    await watched.look()
    assert watched.drain("db-0").state is DrainState.OVERDUE


async def test_every_host_of_an_event_has_a_drain_of_its_own() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.work["db-1"] = Work(running=1)
    watched.see("db-0", event("db-0", "db-1"))
    await watched.look()
    assert (watched.drain("db-0").state, watched.drain("db-1").state) == (DrainState.DRAINED, DrainState.DRAINING)


async def test_the_drain_leaves_the_bus_with_its_event() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0"))
    await watched.look()
    watched.see("db-0")
    await watched.look()
    assert watched.bus.kept == {}
    assert (await watched.record()).outcome == "cancelled"


async def test_a_drain_of_an_event_long_gone_is_taken_down_by_whoever_hears_it() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0"))
    await watched.look()
    topic = TOPICS.drain(DB_0, "0LD")
    await watched.hear(topic, watched.bus.kept[TOPICS.drain(DB_0, EVENT_ID)], retained=True)
    await watched.hear(TOPICS.drain(DB_0, EVENT_ID), watched.bus.kept[TOPICS.drain(DB_0, EVENT_ID)], retained=True)
    assert watched.bus.cleared == [topic]


async def replicas(approve: Approve = Approve.USER) -> tuple[Watched, Watched]:
    """Two replicas on one store that see the same event."""
    ids = count()
    store = MemoryStore(lambda: f"session-{next(ids)}")
    pair = (Watched("db-0", store=store, approve=approve), Watched("db-0", store=store, approve=approve))
    for each in pair:
        each.owner = await store.register("one", each.clock.now(), LEASE)
        each.see("db-0", event("db-0"))
    return pair


async def test_a_host_is_drained_only_when_every_replica_says_so() -> None:
    first, second = await replicas()
    second.work["db-0"] = Work(running=1)
    await first.steward.look()
    assert first.drain("db-0").state is DrainState.DRAINING
    await second.steward.look()
    await first.steward.look()
    assert (first.drain("db-0").state, first.drain("db-0").running) == (DrainState.DRAINING, 1)
    second.work["db-0"] = Work()
    for each in (second, first, second, first):
        await each.steward.look()
    assert first.drain("db-0").state is DrainState.DRAINED


async def test_the_replica_that_has_lived_longest_publishes_and_the_next_one_after_its_end() -> None:
    first, second = await replicas()
    for each in (first, second, first):
        await each.steward.look()
    assert (len(first.bus.kept), len(second.bus.kept)) == (1, 0)
    assert first.owner is not None
    await second.store.resign(first.owner)
    await second.steward.look()
    assert len(second.bus.kept) == 1


async def test_no_job_with_a_lead_time_starts_on_a_host_once_it_is_to_be_approved() -> None:
    watched, late = await Watched("db-0").begin(), definition(host="db-0", maintenance=LATE)
    watched.see("db-0", event("db-0"))
    assert isinstance(decide(case(late), watched.fleet.views, lambda _: (0, 0.0)), Run)
    await watched.steward.look()
    assert watched.drain("db-0").state is DrainState.DRAINED
    held = decide(case(late), watched.fleet.views, lambda _: (0, 0.0))
    assert isinstance(held, Hold)
    assert held.reason == "Reboot of db-0 is due at 2026-03-02 12:15:00 UTC"


async def test_a_job_may_use_its_lead_time_when_nobody_is_going_to_approve() -> None:
    watched, late = await Watched("db-0", approve=Approve.NONE).begin(), definition(host="db-0", maintenance=LATE)
    watched.see("db-0", event("db-0"))
    await watched.steward.look()
    assert isinstance(decide(case(late), watched.fleet.views, lambda _: (0, 0.0)), Run)


async def test_a_replica_that_has_not_closed_the_host_keeps_it_from_being_drained() -> None:
    first, second = await replicas()
    assert second.owner is not None
    open_still = DrainReport(event_id=EVENT_ID, host="db-0", running=0, held=0, rerouted=0, settled=False)
    await second.store.report_drain(second.owner, open_still)
    await first.steward.look()
    assert first.drain("db-0").state is DrainState.DRAINING


async def test_a_replica_whose_life_was_taken_over_calls_nothing_drained() -> None:
    watched = await Watched("db-0").begin()
    await watched.store.take_over(await watched.store.lives(), watched.clock.now())
    watched.see("db-0", event("db-0", not_before=watched.clock.now() + timedelta(hours=1)))
    await watched.steward.look()
    assert (await watched.record()).hosts["db-0"].drain == DrainState.DRAINING
    assert watched.bus.kept == {}
