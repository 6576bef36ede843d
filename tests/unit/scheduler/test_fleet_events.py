"""Many watchers, one truth: snapshots merged, neighbours believed, silence never read as calm."""

from datetime import datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain.hosts import SCHEDULED, STARTED, HostCondition
from services.scheduler.fleet.aftermath import Traces
from services.scheduler.fleet.events import Known, merge, recalled
from services.scheduler.fleet.hosts import condition, threatens
from services.scheduler.fleet.reports import FRESH_FOR, Reports
from services.scheduler.fleet.views import Beholder, Terms
from services.scheduler.store.records import (
    EventOutcome,
    EventRecord,
)
from shared.messages import Block, HostStatus, Presence
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, event, inventory, online, snapshot

MARGIN = timedelta(minutes=5)
LONG = timedelta(hours=2)


def watched(*names: str, group: str = "fleet") -> Reports:
    reports = Reports()
    for name in names:
        reports.take_inventory(HostKey(name), inventory(name, group=group))
        reports.take_status(HostKey(name), online(name), retained=False, now=NOON)
    return reports


def look(reports: Reports, known: dict[str, Known] | None = None, now: datetime = NOON) -> dict[str, Known]:
    return merge(reports, known or {}, now, MARGIN)


def record(known: dict[str, Known]) -> EventRecord:
    return known[EVENT_ID].record


def test_an_event_threatens_while_any_fresh_watcher_lists_it() -> None:
    reports = watched("db-0", "db-1")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0"))
    reports.take_snapshot(HostKey("db-1"), snapshot("db-1", event("db-0")))
    assert record(look(reports)).outcome is EventOutcome.ACTIVE
    assert set(record(look(reports)).hosts) == {"db-0"}


def test_an_event_that_every_reporter_dropped_before_its_start_was_cancelled() -> None:
    reports = watched("db-0")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0")))
    known = look(reports)
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", sequence=2))
    assert record(look(reports, known)).outcome is EventOutcome.CANCELLED


def test_an_event_that_was_dropped_after_its_start_is_completed() -> None:
    reports = watched("db-0")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0", status=STARTED)))
    known = look(reports)
    assert record(known).not_before is None
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", sequence=2))
    assert record(look(reports, known)).outcome is EventOutcome.COMPLETED


def test_a_neighbour_finishes_the_event_of_a_host_that_died() -> None:
    reports = watched("db-0", "db-1")
    for name in ("db-0", "db-1"):
        reports.take_snapshot(HostKey(name), snapshot(name, event("db-0", status=STARTED)))
    known = look(reports)
    later = NOON + FRESH_FOR + timedelta(seconds=1)
    reports.take_status(HostKey("db-1"), online("db-1", at=later), retained=False, now=later)
    reports.take_snapshot(HostKey("db-1"), snapshot("db-1", sequence=2, at=later))
    assert record(look(reports, known, later)).outcome is EventOutcome.COMPLETED


def test_a_silent_watcher_is_never_read_as_no_events() -> None:
    reports = watched("db-0")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0")))
    known = look(reports)
    gone = HostStatus(host="db-0", session="s1", state=Presence.OFFLINE, at=NOON)
    reports.take_status(HostKey("db-0"), gone, retained=False, now=NOON)
    assert record(look(reports, known, NOON + timedelta(minutes=10))).outcome is EventOutcome.ACTIVE


def test_an_event_nobody_reports_any_more_ends_after_its_duration_and_a_margin_and_its_host_is_silent() -> None:
    reports = watched("db-0")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0", duration_seconds=60)))
    known = look(reports)
    end = NOON + timedelta(minutes=15, seconds=60) + MARGIN
    assert record(look(reports, known, end - timedelta(seconds=1))).outcome is EventOutcome.ACTIVE
    assert record(look(reports, known, end)).outcome is EventOutcome.EXPIRED
    view = Beholder(Terms()).behold(reports, {}, Traces())[HostKey("db-0")]
    assert condition(view, {}, silent=True) is HostCondition.SILENT


def test_a_restarted_watcher_says_nothing_until_it_has_looked_itself() -> None:
    reports = watched("db-0")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0")))
    known = look(reports)
    reports.take_status(HostKey("db-0"), online("db-0", session="s2"), retained=False, now=NOON)
    known = look(reports, known)
    assert record(known).outcome is EventOutcome.ACTIVE
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", session="s2"))
    assert record(look(reports, known)).outcome is EventOutcome.CANCELLED


def test_the_late_will_of_an_earlier_session_takes_nothing_back() -> None:
    reports = watched("db-0")
    reports.take_status(HostKey("db-0"), online("db-0", session="s2"), retained=False, now=NOON)
    late = HostStatus(host="db-0", session="s1", state=Presence.OFFLINE, at=NOON)
    assert not reports.take_status(HostKey("db-0"), late, retained=False, now=NOON)
    assert reports.is_online(HostKey("db-0"), NOON)


def test_a_stale_snapshot_of_the_same_session_is_ignored() -> None:
    reports = watched("db-0")
    assert reports.take_snapshot(HostKey("db-0"), snapshot("db-0", sequence=5))
    assert not reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0"), sequence=4))
    assert look(reports) == {}


def test_a_retained_heartbeat_counts_from_its_own_time() -> None:
    reports = Reports()
    reports.take_status(HostKey("db-0"), online("db-0", at=NOON - timedelta(minutes=5)), retained=True, now=NOON)
    assert not reports.is_online(HostKey("db-0"), NOON)


def test_a_watcher_of_another_group_is_not_believed_about_a_host() -> None:
    reports = watched("db-0")
    reports.take_inventory(HostKey("web-0"), inventory("web-0", group="other"))
    reports.take_status(HostKey("web-0"), online("web-0"), retained=False, now=NOON)
    reports.take_snapshot(HostKey("web-0"), snapshot("web-0", event("db-0", "web-0")))
    assert set(record(look(reports)).hosts) == {"web-0"}


def test_an_event_from_the_store_ends_when_a_fresh_watcher_of_its_group_does_not_list_it() -> None:
    reports = watched("db-0")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0")))
    stored = record(look(reports))
    reports = watched("db-1", "db-0")
    known = {EVENT_ID: recalled(stored, reports)}
    assert record(look(reports, known)).outcome is EventOutcome.ACTIVE
    reports.take_snapshot(HostKey("db-1"), snapshot("db-1"))
    assert record(look(reports, known)).outcome is EventOutcome.CANCELLED


def test_the_earliest_deadline_counts_while_watchers_differ() -> None:
    reports = watched("db-0", "db-1")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0", notice=timedelta(minutes=15))))
    reports.take_snapshot(HostKey("db-1"), snapshot("db-1", event("db-0", notice=timedelta(minutes=5))))
    assert record(look(reports)).not_before == NOON + timedelta(minutes=5)


def test_a_short_freeze_can_be_ignored_an_unknown_duration_never_is_short() -> None:
    reports = watched("db-0")
    for seconds, expected in ((5, False), (30, True), (10**18, True), (-1, True), (None, True)):
        freeze = event("db-0", type="Freeze", duration_seconds=seconds)
        reports.take_snapshot(HostKey("db-0"), snapshot("db-0", freeze))
        assert threatens(record(look(reports)), timedelta(seconds=9)) is expected


def test_an_advisory_threatens_nothing() -> None:
    reports = watched("db-0")
    advice = event("db-0", type="SpotRebalanceRecommendation", status="Advisory")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", advice))
    assert not threatens(record(look(reports)), timedelta())


def test_a_block_stands_until_its_time_is_up() -> None:
    reports = watched("db-0")
    reports.take_block(HostKey("db-0"), "backup", Block(reason="backup runs", until=NOON + LONG))
    assert reports.standing_block([HostKey("db-0")], NOON) is not None
    assert reports.standing_block([HostKey("db-0")], NOON + LONG) is None


SNAPSHOTS = st.lists(
    st.builds(
        snapshot,
        st.sampled_from(["db-0", "db-1", "db-2"]),
        st.builds(event, st.sampled_from(["db-0", "db-1"]), status=st.sampled_from([SCHEDULED, STARTED])),
        sequence=st.integers(1, 6),
    ),
    unique_by=lambda each: (each.host, each.sequence),
    max_size=8,
)


@given(SNAPSHOTS, st.randoms(use_true_random=False))
def test_snapshots_in_any_order_and_twice_lead_to_the_same_events(sent, random: Random) -> None:  # type: ignore[no-untyped-def]
    def heard(messages) -> dict[str, EventRecord]:  # type: ignore[no-untyped-def]
        reports = watched("db-0", "db-1", "db-2")
        for each in messages:
            reports.take_snapshot(HostKey(each.host), each)
        return {event_id: known.record for event_id, known in look(reports).items()}

    shuffled = sent * 2
    random.shuffle(shuffled)
    assert heard(shuffled) == heard(sorted(sent, key=lambda each: each.sequence))


def test_a_clock_that_was_set_makes_no_watcher_silent_and_no_host_free() -> None:
    reports = watched("db-0")
    reports.take_snapshot(HostKey("db-0"), snapshot("db-0", event("db-0")))
    known = look(reports)
    reports.shift(LONG)
    assert record(look(reports, known, NOON + LONG)).outcome is EventOutcome.ACTIVE
    assert record(look(reports, known, NOON + LONG + LONG)).outcome is EventOutcome.EXPIRED
