"""Events that change their mind: they overlap, shrink, grow, start early, outlast what was said, and come again."""

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.domain.hosts import STARTED, HostCondition, HostView
from services.scheduler.fleet.reports import FRESH_FOR
from services.scheduler.store.records import ApprovalState, EventOutcome
from shared.messages import Event
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, event
from tests.parts.fleets import Watched

MINUTE = timedelta(minutes=1)
MARGIN = timedelta(minutes=5)
OTHER = "0THER"


def view(watched: Watched, host: str = "db-0") -> HostView:
    watched.fleet.refresh()
    return watched.fleet.views[HostKey(host)]


def deadline(watched: Watched) -> datetime | None:
    return view(watched).threats[0].not_before


def ids(watched: Watched) -> list[str]:
    return [threat.event_id for threat in view(watched).threats]


def blind(watched: Watched, host: str) -> None:
    """Let a watcher say that it cannot read the metadata service."""
    status = replace(watched.heard.statuses[HostKey(host)], poll_ok=False)
    watched.heard.take_status(HostKey(host), status, retained=False, now=watched.clock.now())


@pytest.mark.parametrize("first", [EVENT_ID, OTHER])
async def test_a_host_that_two_events_name_is_free_once_both_are_over_in_whichever_order(first: str) -> None:
    watched = await Watched("db-0").begin()
    both = {EVENT_ID: event("db-0"), OTHER: event("db-0", event_id=OTHER)}
    watched.see("db-0", *both.values())
    assert set(ids(watched)) == set(both)
    del both[first]
    watched.see("db-0", *both.values())
    assert ids(watched) == [*both]
    watched.see("db-0")
    assert ids(watched) == []


async def test_of_two_events_the_one_that_has_started_comes_first_then_the_nearer() -> None:
    watched = await Watched("db-0").begin()
    near = event("db-0", event_id=OTHER, notice=MINUTE)
    watched.see("db-0", event("db-0"), near)
    announced = ids(watched)
    watched.see("db-0", event("db-0", status=STARTED), near)
    assert (announced, ids(watched)) == ([OTHER, EVENT_ID], [EVENT_ID, OTHER])
    assert watched.fleet.report("db-0").condition is HostCondition.INTERRUPTED


async def test_an_event_that_lasts_longer_than_said_keeps_its_host_until_it_is_dropped() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0", status=STARTED, duration_seconds=9))
    for _ in range(3):
        watched.clock.turn(60 * MINUTE)
        watched.beat("db-0")
        assert ids(watched) == [EVENT_ID]
    watched.see("db-0")
    assert ids(watched) == []


async def test_one_that_outlasts_what_was_said_is_given_up_a_margin_after_the_last_who_listed_it() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0", status=STARTED, duration_seconds=9))
    watched.clock.turn(60 * MINUTE)
    watched.beat("db-0")
    kept = [ids(watched)]
    for turn in (FRESH_FOR + MINUTE, MARGIN):
        watched.clock.turn(turn)
        kept.append(ids(watched))
    assert kept == [[EVENT_ID], [EVENT_ID], []]
    assert watched.fleet.report("db-0").condition is HostCondition.SILENT


async def test_one_that_starts_early_interrupts_its_host_at_once() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0"))
    watched.see("db-0", event("db-0", status=STARTED))
    threat = view(watched).threats[0]
    assert (threat.status, threat.not_before) == (STARTED, None)
    assert watched.fleet.report("db-0").condition is HostCondition.INTERRUPTED


@pytest.mark.parametrize(("moved", "at_first"), [(MINUTE, MINUTE), (60 * MINUTE, 15 * MINUTE)])
async def test_a_nearer_deadline_is_obeyed_at_once_and_a_later_one_when_all_say_so(
    moved: timedelta, at_first: timedelta
) -> None:
    watched = await Watched("db-0", "db-1").begin()
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0"))
    watched.see("db-0", event("db-0", notice=moved))
    assert deadline(watched) == NOON + at_first
    watched.see("db-1", event("db-0", notice=moved))
    assert deadline(watched) == NOON + moved


async def test_a_watcher_that_cannot_look_does_not_keep_an_old_deadline_alive() -> None:
    watched = await Watched("db-0", "db-1").begin()
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0"))
    blind(watched, "db-1")
    watched.see("db-0", event("db-0", notice=60 * MINUTE))
    assert deadline(watched) == NOON + 60 * MINUTE


async def test_a_watcher_that_cannot_look_does_not_keep_an_event_alive_that_another_has_seen_to_its_end() -> None:
    watched = await Watched("db-0", "db-1").begin()
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0", status=STARTED))
    blind(watched, "db-0")
    listed = ids(watched)
    watched.see("db-1")
    assert (listed, ids(watched)) == ([EVENT_ID], [])


async def test_an_event_that_nobody_can_look_at_stays() -> None:
    watched = await Watched("db-0", "db-1").begin()
    for host in ("db-0", "db-1"):
        watched.see(host, event("db-0"))
        blind(watched, host)
    watched.see("db-1")
    assert ids(watched) == [EVENT_ID]


async def test_the_type_and_the_hosts_of_an_event_are_those_it_names_now() -> None:
    watched = await Watched("db-0", "db-1", "db-2").begin()
    watched.see("db-0", event("db-0", "db-1", type="Freeze"))
    watched.see("db-0", event("db-0", "db-2", type="Redeploy"))
    threatened = {host: [threat.type for threat in each.threats] for host, each in watched.fleet.views.items()}
    assert threatened == {"db-0": ["Redeploy"], "db-1": [], "db-2": ["Redeploy"]}


async def test_an_id_that_is_used_again_begins_anew_drained_by_nobody_and_approved_by_nobody() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0"))
    await watched.look()
    assert (await watched.record()).approval.state is ApprovalState.APPROVED
    watched.see("db-0")
    watched.clock.turn(MINUTE)
    watched.beat("db-0")
    watched.see("db-0", event("db-0"))
    known = watched.fleet.active(EVENT_ID)
    assert known is not None
    assert (known.record.first_seen_at, known.record.outcome) == (NOON + MINUTE, EventOutcome.ACTIVE)
    assert known.record.approval.state is ApprovalState.NONE
    assert watched.fleet.report("db-0").condition is HostCondition.CORDONED


async def test_an_expired_event_that_is_heard_of_again_goes_on_as_the_one_it_is() -> None:
    watched = await Watched("db-0").begin()
    watched.see("db-0", event("db-0", notice=MINUTE))
    watched.clock.turn(FRESH_FOR + 10 * MINUTE)
    expired = ids(watched)
    watched.beat("db-0")
    known = watched.fleet.active(EVENT_ID)
    assert (expired, ids(watched), known is None) == ([], [EVENT_ID], True)
    again = watched.fleet.active(EVENT_ID)
    assert again is not None
    assert again.record.first_seen_at == NOON


async def test_a_merge_of_what_is_known_already_makes_nothing_anew() -> None:
    watched = await Watched("db-0", "db-1").begin()
    events: list[Event] = [event("db-0"), event("db-1", event_id=OTHER)]
    for host in ("db-0", "db-1"):
        watched.see(host, *events)
    before, first = watched.fleet.views, watched.fleet.active(EVENT_ID)
    watched.fleet.refresh()
    again = watched.fleet.active(EVENT_ID)
    assert first is not None
    assert again is not None
    assert (watched.fleet.views is before, again.record is first.record) == (True, True)
    for host in ("db-0", "db-1"):
        watched.see(host, events[0])
    assert watched.fleet.views is not before
    assert watched.fleet.views[HostKey("db-0")] is before[HostKey("db-0")]
