"""What one event may do at the most: hypothesis draws fleets and events, a hand-turned clock the holds."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain.hosts import Spared
from services.scheduler.fleet.approvals import due
from services.scheduler.fleet.bounds import FARTHEST, Bounds, beyond_share, bounded, hold_ends, hold_is_over
from services.scheduler.fleet.events import Known
from services.scheduler.fleet.reports import Reports
from services.scheduler.fleet.views import threats_of
from services.scheduler.settings import Approve
from services.scheduler.store.records import EventRecord, HostDrain
from shared.topics import HostKey
from tests.parts.builders import NOON, event, inventory, snapshot

DAY = timedelta(days=1)
SHARES = st.sampled_from([0.01, 0.2, 0.25, 0.34, 0.5, 0.75, 0.99, 1.0])
HOSTS = [f"db-{number}" for number in range(8)]


def record(*hosts: str, event_id: str = "E1", **more: object) -> EventRecord:
    fields: dict[str, object] = {
        "event_id": event_id,
        "type": "Reboot",
        "status": "Scheduled",
        "resources": hosts,
        "not_before": NOON + timedelta(minutes=15),
        "duration_seconds": None,
        "source": "User",
        "description": "",
        "first_seen_at": NOON,
        "hosts": {host: HostDrain(drain="draining") for host in hosts},
    }
    return EventRecord(**{**fields, **more})  # type: ignore[arg-type]


def heard(pools: Mapping[str, str], listed: Mapping[str, str]) -> Reports:
    """Return reports of hosts in pools, of which some list an event themselves."""
    reports = Reports()
    for host, pool in pools.items():
        reports.take_inventory(HostKey(host), inventory(host, *pool))
    for host, event_id in listed.items():
        reports.take_snapshot(HostKey(host), snapshot(host, event(host, event_id=event_id)))
    return reports


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Reports, list[EventRecord]]:
    pools = {host: draw(st.sampled_from(["a", "b", "ab", ""])) for host in HOSTS}
    events = [
        record(*draw(st.sets(st.sampled_from(HOSTS), min_size=1)), event_id=f"E{number}")
        for number in range(draw(st.integers(1, 4)))
    ]
    ids = st.sampled_from([each.event_id for each in events])
    return heard(pools, draw(st.dictionaries(st.sampled_from(HOSTS), ids))), events


def taken(reports: Reports, events: list[EventRecord], beyond: frozenset[tuple[str, str]], pool: str) -> list[set[str]]:
    return [
        {host for host in each.hosts if (each.event_id, host) not in beyond and pool in reports.pools(HostKey(host))}
        for each in events
    ]


@given(fleets(), SHARES)
def test_no_event_takes_more_than_its_share_of_a_pool_or_one_host(
    fleet: tuple[Reports, list[EventRecord]], share: float
) -> None:
    reports, events = fleet
    beyond = beyond_share(events, reports, share)
    for pool in "ab":
        size = sum(pool in entry.pools for entry in reports.inventories.values())
        assert all(len(hosts) <= max(1, share * size) for hosts in taken(reports, events, beyond, pool))


@given(fleets(), SHARES)
def test_what_only_neighbours_say_takes_together_no_more_than_one_event_may(
    fleet: tuple[Reports, list[EventRecord]], share: float
) -> None:
    reports, events = fleet
    beyond = beyond_share(events, reports, share)
    for pool in "ab":
        size = sum(pool in entry.pools for entry in reports.inventories.values())
        hearsay = {
            host
            for each in events
            for host in each.hosts
            if (each.event_id, host) not in beyond
            and pool in reports.pools(HostKey(host))
            and not reports.has_reported(HostKey(host), each.event_id)
        }
        assert len(hearsay) <= max(1, share * size)


@given(fleets(), SHARES, st.randoms(use_true_random=False))
def test_every_replica_spares_the_same_hosts_in_whatever_order_it_heard(
    fleet: tuple[Reports, list[EventRecord]], share: float, dice: random.Random
) -> None:
    reports, events = fleet
    other = Reports()
    for host in dice.sample(sorted(reports.inventories), len(reports.inventories)):
        other.take_inventory(host, reports.inventories[host])
    for host in dice.sample(sorted(reports.snapshots), len(reports.snapshots)):
        other.take_snapshot(host, reports.snapshots[host])
    shuffled = [
        msgspec.structs.replace(each, hosts=dict(dice.sample(sorted(each.hosts.items()), len(each.hosts))))
        for each in dice.sample(events, len(events))
    ]
    assert beyond_share(events, reports, share) == beyond_share(shuffled, other, share)


@given(fleets())
def test_the_default_share_spares_nobody(fleet: tuple[Reports, list[EventRecord]]) -> None:
    reports, events = fleet
    assert beyond_share(events, reports, Bounds().pool_share) == frozenset()


def test_hosts_whose_own_watchers_report_the_event_come_first() -> None:
    reports = heard(dict.fromkeys(HOSTS[:4], "a"), {"db-2": "E1", "db-3": "E1"})
    assert beyond_share([record(*HOSTS[:4])], reports, 0.5) == {("E1", "db-0"), ("E1", "db-1")}


def test_a_pool_of_one_may_be_taken_whole_and_a_host_without_a_pool_counts_for_none() -> None:
    reports = heard({"db-0": "a", "web-0": ""}, {})
    assert beyond_share([record("db-0", "web-0")], reports, 0.01) == frozenset()


def marked(each: EventRecord, now: datetime, **bounds: object) -> EventRecord:
    reports = heard(dict.fromkeys(each.hosts, "a"), {})
    known = {each.event_id: Known(record=each, reporters=frozenset())}
    return bounded(known, reports, Bounds(**bounds), now)[each.event_id].record  # type: ignore[arg-type]


def test_a_spared_host_is_not_threatened_and_its_event_is_never_approved() -> None:
    drained = {host: HostDrain(drain="drained") for host in HOSTS[:4]}
    each = marked(record(*HOSTS[:4], hosts=drained), NOON, pool_share=0.5)
    assert list(threats_of([each], {}, timedelta())) == ["db-0", "db-1"]
    assert {host: drain.drain for host, drain in each.hosts.items() if drain.spared} == {
        "db-2": "draining",
        "db-3": "draining",
    }
    every = msgspec.structs.replace(
        each, hosts={host: msgspec.structs.replace(drain, drain="drained") for host, drain in each.hosts.items()}
    )
    assert not due(every, Approve.ALL)


@given(
    st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    st.sampled_from(["Scheduled", "Started"]),
    st.timedeltas(timedelta(minutes=1), timedelta(days=400)),
)
def test_every_hold_ends_whatever_not_before_says(not_before: datetime | None, status: str, hold: timedelta) -> None:
    each = record("db-0", not_before=not_before, status=status)
    assert NOON + hold <= hold_ends(each, hold) <= NOON + FARTHEST + hold


def test_a_hold_lasts_so_long_after_not_before() -> None:
    each = record("db-0", not_before=NOON + 7 * DAY)
    assert hold_ends(each, DAY) == NOON + 8 * DAY


def test_an_absurd_not_before_counts_from_first_sight() -> None:
    for absurd in (datetime(9999, 12, 31, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), None):
        assert hold_ends(record("db-0", not_before=absurd), DAY) == NOON + DAY


def test_when_its_hold_is_over_an_event_keeps_no_jobs_off_and_stays_what_it_is() -> None:
    each = record("db-0", status="Started")
    before = marked(each, NOON + DAY)
    after = marked(each, NOON + DAY + timedelta(minutes=15))
    assert (before.hosts["db-0"].spared, after.hosts["db-0"].spared) == (None, Spared.HOLD)
    assert (after.outcome, after.ended_at) == ("active", None)


def test_a_hold_that_is_over_does_not_begin_again_when_not_before_moves_on() -> None:
    over = marked(record("db-0"), NOON + 2 * DAY)
    moved = msgspec.structs.replace(
        over, not_before=NOON + 3 * DAY, hosts={**over.hosts, "db-1": HostDrain(drain="draining")}
    )
    assert {drain.spared for drain in marked(moved, NOON + 2 * DAY).hosts.values()} == {Spared.HOLD}


def test_without_an_end_a_hold_lasts_as_long_as_the_event() -> None:
    assert not hold_is_over(record("db-0"), Bounds(hold=None), NOON + 1000 * DAY)


def test_an_event_that_threatens_nobody_is_left_alone() -> None:
    each = record("db-0", status="Completed")
    assert marked(each, NOON + 100 * DAY) == each
