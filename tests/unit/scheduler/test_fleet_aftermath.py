"""After events: hosts that are gone for good, those that came back, and how long a host counts as just come back."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.domain.executions import RETENTION_AGE
from services.scheduler.domain.hosts import STARTED, HostCondition, HostView
from services.scheduler.fleet.aftermath import SURVIVED, SURVIVED_FOR_SURE
from services.scheduler.fleet.bounds import Bounds
from services.scheduler.fleet.reports import FRESH_FOR, LONG_SILENCE
from shared.messages import HostStatus, Presence
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, event, inventory, online, snapshot
from tests.parts.fleets import Watched
from tests.parts.stored import TESTER

DB_0 = HostKey("db-0")
SECOND = timedelta(seconds=1)
WARM_UP = timedelta(seconds=30)


def leave(watched: Watched, host: str, *, session: str = "s1") -> None:
    """Let a watcher say goodbye, as it does when its machine is shut down."""
    now = watched.clock.now()
    gone = HostStatus(host=host, session=session, state=Presence.OFFLINE, at=now)
    watched.heard.take_status(HostKey(host), gone, retained=False, now=now)


def speak(watched: Watched, host: str = "db-0", *, session: str = "s1") -> None:
    """Let a watcher's heartbeat come in."""
    now = watched.clock.now()
    watched.heard.take_status(HostKey(host), online(host, session=session, at=now), retained=False, now=now)
    if session != "s1":
        watched.heard.take_snapshot(HostKey(host), snapshot(host, session=session, at=now))  # what a new one sees
    watched.fleet.refresh()


def view(watched: Watched) -> HostView:
    watched.fleet.refresh()
    return watched.fleet.views[DB_0]


async def taken(kind: str = "Terminate", *, goodbye: bool = True) -> Watched:
    """Two watched hosts, of which an event has taken the first, as its neighbour tells."""
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-0", event("db-0", type=kind))
    for status in ("Scheduled", STARTED):
        watched.see("db-1", event("db-0", type=kind, status=status))
        await watched.steward.look()
    if goodbye:
        leave(watched, "db-0")
    else:
        watched.see("db-0")
    watched.clock.turn(SECOND)
    watched.see("db-1")
    await watched.steward.look()
    return watched


@pytest.mark.parametrize("kind", ["Preempt", "Terminate"])
async def test_a_host_that_was_taken_away_is_lost_and_says_so(kind: str) -> None:
    watched = await taken(kind)
    loss, report = view(watched).loss, watched.fleet.report("db-0")
    assert loss is not None
    assert (loss.event_id, loss.type, loss.source, loss.at) == (EVENT_ID, kind, "User", NOON + SECOND)
    assert (report.condition, report.lost) == (HostCondition.SILENT, loss)
    assert report.reason == f"lost to a {kind} at 2026-03-02 12:00:01 UTC"
    assert watched.metrics.registry.get_sample_value("leeward_hosts_lost") == 1


@pytest.mark.parametrize("kind", ["Reboot", "Redeploy", "Freeze"])
async def test_an_event_that_leaves_the_machine_where_it_is_loses_nobody(kind: str) -> None:
    assert view(await taken(kind)).loss is None


async def test_a_termination_that_was_cancelled_loses_nobody_and_needs_no_warm_up() -> None:
    watched = await Watched("db-0", "db-1").begin()
    watched.see("db-1", event("db-0", type="Terminate"))
    leave(watched, "db-0")
    watched.see("db-1")
    assert (view(watched).loss, view(watched).back_at) == (None, None)


async def test_nothing_starts_on_a_host_until_it_is_known_whether_it_is_still_there() -> None:
    watched = await taken(goodbye=False)
    unsure, condition = view(watched), watched.fleet.report("db-0").condition
    watched.clock.turn(FRESH_FOR)
    watched.beat("db-1")
    assert (unsure.loss, [threat.event_id for threat in unsure.threats]) == (None, [EVENT_ID])
    assert condition is HostCondition.INTERRUPTED
    assert (view(watched).loss is not None, view(watched).threats) == (True, ())


async def test_a_new_watcher_must_have_looked_before_its_host_is_used_again() -> None:
    watched = await taken()
    watched.clock.turn(SECOND)
    now = watched.clock.now()
    watched.heard.take_status(DB_0, online("db-0", session="s2", at=now), retained=False, now=now)
    assert (view(watched).loss, len(view(watched).threats)) == (None, 1)
    speak(watched, session="s2")
    assert (view(watched).loss, view(watched).threats) == (None, ())


async def test_a_host_that_was_spared_shows_by_its_own_watchers_heartbeats() -> None:
    watched = await taken(goodbye=False)
    watched.clock.turn(SURVIVED)
    speak(watched)
    at_first = view(watched)
    watched.clock.turn(SECOND)
    speak(watched)
    assert ([*at_first.threats], view(watched).threats, view(watched).loss) == ([*at_first.threats], (), None)
    assert at_first.threats


async def test_an_event_that_may_not_take_more_of_a_pool_makes_nobody_lost_either() -> None:
    watched = await Watched("db-0", "db-1", bounds=Bounds(pool_share=0.5)).begin()
    whole_pool = event("db-0", "db-1", type="Terminate", status=STARTED)
    for host in ("db-0", "db-1"):
        watched.see(host, whole_pool)
    leave(watched, "db-0")
    leave(watched, "db-1")
    watched.clock.turn(timedelta(hours=1))
    watched.fleet.refresh()
    lost = {host: each.loss is not None for host, each in watched.fleet.views.items()}
    assert lost == {"db-0": True, "db-1": False}


async def test_a_machine_that_takes_its_time_to_go_down_is_lost_when_it_is_gone() -> None:
    watched = await taken(goodbye=False)
    watched.clock.turn(SURVIVED + SECOND)
    speak(watched)
    still_there = view(watched).loss
    leave(watched, "db-0")
    assert (still_there, view(watched).loss is not None) == (None, True)


async def test_one_that_was_spared_is_not_lost_when_its_watcher_stops_much_later() -> None:
    watched = await taken(goodbye=False)
    watched.clock.turn(SURVIVED_FOR_SURE + SECOND)
    speak(watched)
    watched.clock.turn(timedelta(hours=1))
    late_will = HostStatus(host="db-0", session="s1", state=Presence.OFFLINE, at=NOON)
    watched.heard.take_status(DB_0, late_will, retained=False, now=watched.clock.now())
    assert view(watched).loss is None


async def test_a_machine_of_the_same_name_clears_the_loss_at_once_and_warms_up() -> None:
    watched = await taken()
    watched.clock.turn(SECOND)
    speak(watched, session="s2")
    assert (view(watched).loss, view(watched).back_at) == (None, NOON + 2 * SECOND)


async def test_a_new_vm_id_clears_the_loss_though_the_session_is_not_known() -> None:
    watched = Watched("db-0", "db-1")
    watched.heard.take_inventory(DB_0, inventory("db-0", "db", vm_id="old"))
    await watched.begin()
    watched.see("db-1", event("db-0", type="Terminate", status=STARTED))
    watched.heard.statuses.pop(DB_0)
    watched.clock.turn(SECOND)
    watched.see("db-1")
    lost = view(watched).loss
    watched.clock.turn(SECOND)
    watched.heard.take_inventory(DB_0, inventory("db-0", "db", vm_id="new"))
    speak(watched)
    assert (lost is not None, view(watched).loss) == (True, None)


async def test_a_loss_outlives_the_scheduler_and_ends_the_same_on_every_replica() -> None:
    before = await taken()
    watched = Watched("db-1", store=before.store)
    watched.clock.turn(timedelta(days=2))
    watched.beat("db-1")
    await watched.fleet.recall()
    lost, shown = view(watched).loss, [report.host for report in watched.fleet.reports()]
    assert lost == view(before).loss
    assert shown == ["db-1"]
    assert watched.fleet.report("db-0").lost == lost


async def test_a_return_outlives_the_scheduler_even_if_the_machine_is_silent_again() -> None:
    before = await taken()
    before.clock.turn(SECOND)
    speak(before, session="s2")
    await before.steward.look()
    watched = Watched("db-1", store=before.store)
    late_will = HostStatus(host="db-0", session="s2", state=Presence.OFFLINE, at=NOON)
    watched.heard.take_status(DB_0, late_will, retained=True, now=NOON)
    watched.clock.turn(2 * SECOND)
    await watched.fleet.recall()
    assert view(watched).loss is None


async def test_an_event_whose_end_nobody_saw_is_taken_for_done_once_its_time_has_come() -> None:
    before = await Watched("db-0", "db-1").begin()
    before.see("db-1", event("db-0", type="Terminate"))
    await before.steward.look()
    watched = Watched("db-1", store=before.store)
    watched.heard.take_inventory(DB_0, before.heard.inventories[DB_0])
    watched.clock.turn(timedelta(hours=1))
    await watched.fleet.recall()
    watched.beat("db-1")
    watched.see("db-1")
    assert view(watched).loss is not None


async def test_a_host_that_is_lost_for_a_day_is_not_shown_any_more_and_jobs_still_know() -> None:
    watched = await taken()
    watched.clock.turn(LONG_SILENCE + SECOND)
    speak(watched, "db-1")
    await watched.steward.look()
    assert [report.host for report in watched.fleet.reports()] == ["db-1"]
    assert watched.metrics.registry.get_sample_value("leeward_hosts_lost") == 0
    assert view(watched).loss is not None
    watched.clock.turn(RETENTION_AGE)
    view(watched)
    assert view(watched).loss is None


async def test_a_loss_and_a_return_are_told_in_plain_words() -> None:
    watched = await taken(goodbye=False)
    with watched.feed.subscribe() as updates:
        leave(watched, "db-0")
        watched.fleet.refresh()
        watched.clock.turn(SECOND)
        speak(watched, session="s2")
        told = [updates.get_nowait().summary for _ in range(updates.qsize())]
    assert told == [
        "db-0 is gone for good: its Terminate is over and its watcher is silent",
        "db-0 is back: its watcher speaks again",
    ]


async def test_an_event_that_a_neighbour_lists_again_takes_the_loss_back() -> None:
    watched = await taken()
    watched.see("db-1", event("db-0", type="Terminate", status=STARTED))
    assert (view(watched).loss, view(watched).threats[0].event_id) == (None, EVENT_ID)


async def test_a_host_warms_up_after_its_event_and_after_a_cordon_and_then_is_as_before() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0", status=STARTED))
    watched.clock.turn(SECOND)
    watched.see("db-0")
    back = view(watched)
    assert (back.back_at, back.warm_up, back.warmth(NOON + SECOND + WARM_UP / 2)) == (NOON + SECOND, WARM_UP, 0.5)
    watched.clock.turn(WARM_UP)
    assert view(watched).back_at is None
    await watched.fleet.cordon("db-0", reason="a test", until=None, by=TESTER)
    await watched.fleet.release("db-0", by=TESTER)
    assert view(watched).back_at == watched.clock.now()


async def test_the_end_of_a_cordon_is_the_same_instant_on_every_replica() -> None:
    watched = await Watched("db-0").begin()
    watched.fleet.refresh()
    await watched.fleet.cordon("db-0", reason="a test", until=NOON + SECOND, by=TESTER)
    watched.clock.turn(3 * SECOND)
    await watched.fleet.reload_cordons()
    assert view(watched).back_at == NOON + SECOND


async def test_a_replica_that_starts_while_a_host_warms_up_knows_since_when() -> None:
    before = await Watched("db-0").begin()
    before.see("db-0", event("db-0", status=STARTED))
    await before.steward.look()
    before.see("db-0")
    await before.steward.look()
    watched = Watched("db-0", store=before.store)
    watched.clock.turn(SECOND)
    await watched.fleet.recall()
    assert view(watched).back_at == NOON


async def test_a_share_of_a_host_follows_the_replicas_and_costs_nothing_while_they_stay() -> None:
    watched = await Watched("db-0").begin()
    tagged = replace(watched.heard.inventories[DB_0], tags={"leeward-capacity": "3"})
    watched.heard.take_inventory(DB_0, tagged)
    alone, as_before = view(watched), view(watched)
    watched.fleet.divide(["other", "own"], "own")
    assert (alone.capacity, as_before is alone, view(watched).capacity) == (3, True, 1)
