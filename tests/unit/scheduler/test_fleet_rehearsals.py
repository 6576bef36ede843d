"""Rehearsals: everything happens as at an event, on every replica, but nothing is approved, and its end is certain."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.scheduler.domain.hosts import STARTED, HostCondition
from services.scheduler.errors import ConflictError, NotFoundError
from services.scheduler.fleet.bounds import Bounds
from services.scheduler.fleet.drains import Work
from services.scheduler.fleet.rehearsals import LINGERING, played
from services.scheduler.settings import Approve
from services.scheduler.store.records import ApprovalState, EventOutcome, rehearsal_ends
from shared.messages import Block, DrainState, EndedEvent, encode
from shared.topics import HostKey
from tests.parts.builders import event, snapshot
from tests.parts.fakes_api import NOON
from tests.parts.fleets import TOPICS, Watched
from tests.parts.rehearsing import EVENT_ID, a_rehearsal, announce
from tests.parts.stored import TESTER

SECOND = timedelta(seconds=1)
NOTICE, DURATION = 60 * SECOND, 30 * SECOND
DB_0 = HostKey("db-0")


async def fleet(*hosts: str, **more: object) -> Watched:
    """Return one replica's view of calm hosts."""
    watched = await Watched(*(hosts or ("db-0", "db-1")), **more).begin()  # type: ignore[arg-type]
    for host in hosts or ("db-0", "db-1"):
        watched.see(host)
    return watched


def condition(watched: Watched, host: str = "db-0") -> HostCondition:
    return watched.fleet.report(host).condition


async def pass_time(watched: Watched, by: timedelta) -> None:
    """Let time pass, with heartbeats, and look twice: once to see, once to conclude."""
    watched.clock.turn(by)
    watched.beat("db-0", "db-1")
    watched.fleet.refresh()
    await watched.look()
    await watched.look()


async def test_a_host_goes_through_its_conditions_by_the_clock_alone() -> None:
    watched = await fleet()
    found = [condition(watched)]
    watched.work["db-0"] = Work(running=1)
    await announce(watched)
    await watched.look()
    found.append(condition(watched))
    watched.work.clear()
    for by in (SECOND, NOTICE - SECOND, DURATION):
        await pass_time(watched, by)
        found.append(condition(watched))
    assert found == ["available", "cordoned", "drained", "interrupted", "available"]


async def test_it_is_kept_as_an_event_with_its_times_and_marked_as_what_it_is() -> None:
    watched = await fleet()
    await announce(watched)
    for by in (SECOND, NOTICE, DURATION):
        await pass_time(watched, by)
    kept = await watched.record(EVENT_ID)
    assert (kept.source, kept.description) == ("Rehearsal", "Rehearsal: quarterly")
    assert (kept.outcome, kept.started_at) == (EventOutcome.COMPLETED, NOON + NOTICE)
    assert kept.ended_at == NOON + NOTICE + DURATION, "it ends at its instant, whenever somebody looks"
    assert kept.hosts["db-0"].drain == DrainState.DRAINED


async def test_nothing_is_ever_approved_not_even_where_all_is() -> None:
    watched = await fleet(approve=Approve.ALL)
    await announce(watched)
    await watched.look()
    assert watched.drain("db-0", EVENT_ID).state is DrainState.DRAINED
    for by in (SECOND, NOTICE, DURATION):
        await pass_time(watched, by)
    assert watched.bus.asked_for == []
    assert (await watched.record(EVENT_ID)).approval.state is ApprovalState.NONE


async def test_its_drain_is_on_the_bus_until_it_is_over() -> None:
    watched = await fleet()
    await announce(watched)
    await watched.look()
    topic = TOPICS.drain(DB_0, EVENT_ID)
    assert topic in watched.bus.kept
    await pass_time(watched, NOTICE + DURATION)
    assert topic not in watched.bus.kept


async def test_a_real_event_on_the_same_host_goes_on_unharmed_and_is_approved() -> None:
    watched = await fleet(approve=Approve.ALL)
    await announce(watched)
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0"))
    await watched.look()
    await watched.look()
    assert watched.bus.asked_for == [event("db-0").event_id]
    await pass_time(watched, NOTICE + DURATION)
    assert condition(watched) is not HostCondition.AVAILABLE, "the real one is not over"
    for host in ("db-0", "db-1"):
        watched.see(host)
    assert condition(watched) is HostCondition.AVAILABLE


@pytest.mark.parametrize("kind", ["Preempt", "Terminate"])
async def test_no_host_is_lost_by_it(kind: str) -> None:
    watched = await fleet()
    await announce(watched, type=kind)
    watched.clock.turn(NOTICE + DURATION)
    watched.fleet.refresh()  # not a word from its watcher
    report = watched.fleet.report("db-0")
    assert (report.condition, report.lost) == (HostCondition.AVAILABLE, None)


async def test_another_replica_learns_of_it_and_of_its_cancellation_with_its_next_look() -> None:
    one = await fleet()
    two = await fleet(store=one.store, clock=one.clock, replica="two")
    await announce(one)
    await two.steward.look()
    assert condition(two) in (HostCondition.CORDONED, HostCondition.DRAINED)
    await two.fleet.cancel_rehearsal(EVENT_ID.lower(), by=TESTER)
    await one.steward.look()
    assert [condition(each) for each in (one, two)] == [HostCondition.AVAILABLE] * 2
    assert (await one.record(EVENT_ID)).outcome is EventOutcome.CANCELLED


async def test_it_is_over_at_its_instant_though_every_scheduler_was_down() -> None:
    before = await fleet()
    await announce(before)
    await before.look()
    before.clock.turn(NOTICE + DURATION + 10 * LINGERING)
    after = await fleet(store=before.store, clock=before.clock)
    await after.fleet.recall()
    after.fleet.refresh()
    assert condition(after) is HostCondition.AVAILABLE
    await after.look()
    kept = await after.record(EVENT_ID)
    assert (kept.outcome, kept.ended_at) == (EventOutcome.COMPLETED, NOON + NOTICE + DURATION)


async def test_one_that_was_never_written_down_as_an_event_is_found_by_the_next_scheduler() -> None:
    watched = await fleet()
    await watched.store.put_rehearsal(a_rehearsal(at=NOON), most=1)
    await pass_time(watched, NOTICE + DURATION)
    assert (await watched.record(EVENT_ID)).outcome is EventOutcome.COMPLETED
    await pass_time(watched, SECOND)
    assert watched.fleet.active_events() == [], "what was seen to end does not come back"


async def test_no_watcher_is_believed_about_one() -> None:
    watched = await fleet()
    forged = event("db-0", event_id=f"{EVENT_ID}0")
    watched.see("db-0", forged)
    assert condition(watched) is HostCondition.AVAILABLE
    await announce(watched)
    over = EndedEvent(event_id=EVENT_ID, outcome="completed", at=NOON)
    told = snapshot("db-0", forged, event("db-0", event_id=EVENT_ID, type="Freeze"), sequence=99)
    await watched.hear(TOPICS.events(DB_0), encode(replace(told, ended=(over,))))
    watched.fleet.refresh()
    (known,) = watched.fleet.active_events()
    assert (known.record.type, condition(watched)) == ("Reboot", HostCondition.CORDONED)


async def test_a_hand_made_block_waits_for_the_next_real_event() -> None:
    watched = await fleet()
    watched.heard.take_block(DB_0, "mine", Block(reason="not today"))
    await announce(watched)
    await pass_time(watched, NOTICE + DURATION)
    assert watched.heard.standing_block([DB_0], watched.clock.now()) is not None


async def test_all_together_take_no_more_of_a_pool_than_one_event_may() -> None:
    watched = await fleet("db-0", "db-1", "db-2", "db-3", bounds=Bounds(pool_share=0.5))
    for number, host in enumerate(("db-0", "db-1", "db-2")):
        await announce(watched, f"{EVENT_ID}{number}", hosts=(host,))
    assert [condition(watched, host) for host in ("db-0", "db-1", "db-2")] == ["cordoned", "cordoned", "available"]


async def test_hosts_that_nobody_knows_and_one_rehearsal_too_many_are_refused() -> None:
    watched = await fleet()
    with pytest.raises(NotFoundError, match="db-9"):
        await announce(watched, hosts=("db-0", "db-9"))
    for number in range(5):
        await announce(watched, f"{EVENT_ID}{number}")
    with pytest.raises(ConflictError, match="cancel one"):
        await announce(watched, f"{EVENT_ID}9")
    assert len(watched.fleet.active_events()) == 5


async def test_each_sentence_about_it_says_that_it_is_one() -> None:
    watched = await fleet()
    told: list[str] = []
    with watched.feed.subscribe() as updates:
        await announce(watched)
        await pass_time(watched, NOTICE)
        await pass_time(watched, DURATION)
        while not updates.empty():
            told.append(updates.get_nowait().summary)
    events = [text for text in told if "Reboot of db-0" in text]
    assert events
    assert all(text.startswith("Rehearsal:") for text in events)
    assert not any("Azure" in text for text in told)
    assert "db-0 is cordoned: no job starts there until the rehearsed Reboot is over" in told


@given(seconds=st.lists(st.integers(-10, 200), max_size=20), cancelled=st.none() | st.integers(0, 120))
def test_it_ends_the_same_whenever_and_however_often_somebody_looks(seconds: list[int], cancelled: int | None) -> None:
    event = a_rehearsal().event
    start, end = event.first_seen_at, rehearsal_ends(event)
    off = None if cancelled is None else start + cancelled * SECOND
    looked = event
    for each in sorted(seconds):
        now: datetime = start + each * SECOND
        looked = played(looked, now, cancelled_at=off if off is not None and off <= now else None)
    final = played(looked, end + SECOND, cancelled_at=off)
    assert final == played(event, end + SECOND, cancelled_at=off)
    assert final.ended_at == (end if off is None else min(off, end))
    assert (final.status == STARTED) == (final.started_at is not None)
