"""An event that is reported for ever, or that takes too much: what becomes of its hosts, drains and approval."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.domain.hosts import HostCondition
from services.scheduler.settings import Approve
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, event
from tests.parts.fleets import TOPICS, Watched
from tests.parts.stored import TESTER

DRAIN = TOPICS.drain(HostKey("db-0"), EVENT_ID)


async def announced(*, approve: Approve = Approve.USER, **changes: object) -> Watched:
    watched = await Watched("db-0", "db-1", approve=approve).begin()
    watched.see("db-0", event("db-0", **changes))  # type: ignore[arg-type]
    await watched.look()
    return watched


async def later(watched: Watched, by: timedelta) -> None:
    watched.clock.turn(by)
    watched.beat("db-0", "db-1")
    watched.fleet.refresh()
    await watched.look()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"not_before": datetime(9999, 12, 31, tzinfo=UTC)},
        {"not_before": None},
        {"status": "Started"},
        {"first_seen_at": datetime(9999, 12, 31, tzinfo=UTC)},
    ],
    ids=["stuck", "year 9999", "no date", "never ends", "first seen in the future"],
)
async def test_a_host_is_in_use_again_though_the_event_is_reported_for_ever(changes: dict[str, object]) -> None:
    watched = await announced(approve=Approve.NONE, **changes)
    assert watched.fleet.report("db-0").condition is not HostCondition.AVAILABLE
    await later(watched, timedelta(hours=24, minutes=16))
    assert watched.fleet.report("db-0").condition is HostCondition.AVAILABLE
    assert (await watched.record()).outcome == "active"
    assert (await watched.record()).hosts["db-0"].spared == "hold"
    assert watched.spared == ["hold"]


async def test_the_end_of_a_hold_is_told_once_and_its_drain_leaves_the_bus() -> None:
    watched = await announced(approve=Approve.NONE)
    assert DRAIN in watched.bus.kept
    for _ in range(3):
        await later(watched, timedelta(hours=24, minutes=16))
    assert DRAIN not in watched.bus.kept
    assert watched.bus.cleared == [DRAIN]
    assert watched.spared == ["hold"]


async def test_the_end_of_a_hold_is_no_approval() -> None:
    watched = await announced(not_before=None)
    watched.bus.asked.clear()
    await later(watched, timedelta(hours=25))
    for _ in range(3):
        await later(watched, timedelta(minutes=1))
    assert watched.bus.asked == []


async def test_a_restart_does_not_begin_the_hold_anew() -> None:
    before = await announced(approve=Approve.NONE, not_before=None)
    after = await Watched("db-0", "db-1", store=before.store, approve=Approve.NONE).begin()
    after.clock.turn(timedelta(hours=23))
    await after.fleet.recall()
    after.beat("db-0", "db-1")
    after.see("db-0", event("db-0", not_before=None))
    assert after.fleet.report("db-0").condition is not HostCondition.AVAILABLE
    await later(after, timedelta(hours=1))
    assert after.fleet.report("db-0").condition is HostCondition.AVAILABLE


async def test_a_cordon_by_hand_outlives_every_hold() -> None:
    watched = await announced(approve=Approve.NONE)
    await watched.fleet.cordon("db-0", reason="a test", until=None, by=TESTER)
    await later(watched, timedelta(days=400))
    assert watched.fleet.report("db-0").condition is HostCondition.CORDONED


async def test_a_claim_to_have_seen_an_event_long_ago_does_not_end_its_hold() -> None:
    watched = await announced(approve=Approve.NONE, first_seen_at=datetime(1970, 1, 1, tzinfo=UTC))
    assert watched.fleet.report("db-0").condition is not HostCondition.AVAILABLE
