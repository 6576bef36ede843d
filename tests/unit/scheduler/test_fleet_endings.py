"""Events whose end somebody knows for certain."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.scheduler.domain.hosts import STARTED
from services.scheduler.fleet.events import Known, Past, merge, recalled
from services.scheduler.fleet.reports import FRESH_FOR, Reports
from services.scheduler.store.records import EventOutcome
from shared.messages import EndedEvent, Event, EventSnapshot, MetadataState
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, event, inventory, online, snapshot

MARGIN = timedelta(minutes=5)


def watched(**groups: str) -> Reports:
    reports = Reports()
    for name, group in groups.items():
        host = HostKey(name.replace("_", "-"))
        reports.take_inventory(host, inventory(host, group=group))
        reports.take_status(host, online(host), retained=False, now=NOON)
        reports.take_snapshot(host, snapshot(host))
    return reports


def says(reports: Reports, who: str, *events: Event, ended: str = "", sequence: int = 2) -> None:
    over = (EndedEvent(event_id=EVENT_ID.lower(), outcome=ended, at=NOON),) if ended else ()
    shown = snapshot(who, *events, sequence=sequence)
    reports.take_snapshot(
        HostKey(who),
        EventSnapshot(
            host=who,
            session="s1",
            sequence=sequence,
            incarnation=None,
            observed_at=NOON,
            events=shown.events,
            ended=over,
        ),
    )


def outcome(known: dict[str, Known]) -> EventOutcome:
    return known[EVENT_ID].record.outcome


@pytest.mark.parametrize(
    ("word", "expected"), [("completed", EventOutcome.COMPLETED), ("cancelled", EventOutcome.CANCELLED)]
)
def test_an_event_ends_at_once_though_others_still_list_it(word: str, expected: EventOutcome) -> None:
    reports = watched(db_0="fleet", grid="fleet")
    says(reports, "db-0", event("db-0", status=STARTED))
    known = merge(reports, {}, NOON, MARGIN)
    says(reports, "grid", ended=word)
    over = merge(reports, known, NOON, MARGIN)
    assert (outcome(over), over[EVENT_ID].record.ended_at) == (expected, NOON)
    assert merge(reports, over, NOON + MARGIN, MARGIN) == over
    assert merge(reports, {}, NOON, MARGIN) == {}


def test_one_that_is_gone_after_it_has_told_the_end_is_believed() -> None:
    reports = watched(db_0="fleet", grid="fleet")
    says(reports, "grid", event("db-0", status=STARTED))
    known = merge(reports, {}, NOON, MARGIN)
    says(reports, "grid", ended="completed", sequence=3)
    assert outcome(merge(reports, known, NOON + 2 * FRESH_FOR, MARGIN)) is EventOutcome.COMPLETED


def test_nobody_ends_the_event_of_another_group() -> None:
    reports = watched(db_0="fleet", grid="other")
    says(reports, "db-0", event("db-0"))
    known = merge(reports, {}, NOON, MARGIN)
    says(reports, "grid", ended="completed")
    assert outcome(merge(reports, known, NOON, MARGIN)) is EventOutcome.ACTIVE


def test_an_event_of_two_groups_is_ended_by_neither_for_the_other() -> None:
    reports = watched(db_0="fleet", web_0="other", grid="fleet")
    says(reports, "db-0", event("db-0", "web-0"))
    says(reports, "web-0", event("db-0", "web-0"))
    known = merge(reports, {}, NOON, MARGIN)
    says(reports, "grid", ended="completed")
    assert outcome(merge(reports, known, NOON, MARGIN)) is EventOutcome.ACTIVE


def test_a_word_that_is_not_known_says_nothing() -> None:
    reports = watched(db_0="fleet")
    says(reports, "db-0", event("db-0"), ended="postponed")
    assert outcome(merge(reports, {}, NOON, MARGIN)) is EventOutcome.ACTIVE


def outside(reports: Reports, who: str) -> None:
    """Let a watcher say that it is on none of the VMs that it speaks for."""
    status = replace(online(who), poll_ok=False, metadata=MetadataState.NONE)
    reports.take_status(HostKey(who), status, retained=False, now=NOON)


def test_who_is_outside_of_the_vms_keeps_an_event_on_and_does_not_end_it_by_silence() -> None:
    reports = watched(db_0="fleet", grid="fleet")
    outside(reports, "grid")
    says(reports, "grid", event("db-0"))
    known = merge(reports, {}, NOON, MARGIN)
    assert set(known[EVENT_ID].record.hosts) == {"db-0"}
    says(reports, "grid", sequence=3)
    assert outcome(merge(reports, known, NOON, MARGIN)) is EventOutcome.ACTIVE


@pytest.mark.parametrize("lists", [True, False])
def test_an_event_that_only_an_outsider_told_outlives_a_restart_of_the_scheduler(lists: bool) -> None:
    reports = watched(db_0="fleet", grid="fleet")
    outside(reports, "grid")
    says(reports, "grid", event("db-0"))
    stored = merge(reports, {}, NOON, MARGIN)[EVENT_ID].record
    says(reports, "grid", *([event("db-0")] if lists else []), sequence=3)
    known = merge(reports, {EVENT_ID: recalled(stored, reports)}, NOON, MARGIN)
    assert (stored.witnessed, outcome(known)) == (False, EventOutcome.ACTIVE)


def test_an_event_that_its_vm_has_listed_is_over_when_it_lists_it_no_more_whatever_an_outsider_shows() -> None:
    reports = watched(db_0="fleet", grid="fleet")
    outside(reports, "grid")
    for who in ("grid", "db-0"):
        says(reports, who, event("db-0", status=STARTED))
    known = merge(reports, {}, NOON, MARGIN)
    says(reports, "db-0", sequence=3)
    stored = known[EVENT_ID].record
    restarted = merge(reports, {EVENT_ID: recalled(stored, reports)}, NOON, MARGIN)
    for after in (merge(reports, known, NOON, MARGIN), restarted):
        assert outcome(after) is EventOutcome.COMPLETED


def test_an_event_that_was_seen_to_end_is_on_again_only_if_one_says_so_who_has_just_looked() -> None:
    reports, past = watched(db_0="fleet", grid="fleet"), Past(2)
    outside(reports, "grid")
    says(reports, "grid", event("db-0"))
    ended = replace(merge(reports, {}, NOON, MARGIN)[EVENT_ID].record, outcome=EventOutcome.COMPLETED)
    past.note([ended])
    assert merge(reports, {}, NOON, MARGIN, past) == {}
    says(reports, "db-0", event("db-0"))
    assert outcome(merge(reports, {}, NOON, MARGIN, past)) is EventOutcome.ACTIVE
    past.note([replace(ended, event_id="F"), replace(ended, event_id="G", outcome=EventOutcome.EXPIRED)])
    past.note([replace(ended, event_id="H")])
    assert [event_id in past for event_id in (EVENT_ID, "F", "G", "H")] == [False, True, False, True]


@given(st.permutations(["db-0 lists", "db-1 lists", "grid ends", "db-0 drops", "grid ends"]))
def test_in_whatever_order_it_is_heard_a_told_end_is_the_outcome(order: list[str]) -> None:
    reports = watched(db_0="fleet", db_1="fleet", grid="fleet")
    known: dict[str, Known] = {}
    for sequence, step in enumerate(order, start=2):
        who, what = step.split()
        listed = [event("db-0", status=STARTED)] if what == "lists" else []
        says(reports, who, *listed, ended="cancelled" if what == "ends" else "", sequence=sequence)
        known = merge(reports, known, NOON, MARGIN)
    first_listed = min(order.index("db-0 lists"), order.index("db-1 lists"))
    told_first = order.index("grid ends") < first_listed
    assert told_first == (EVENT_ID not in known)
    assert told_first or outcome(known) in (EventOutcome.CANCELLED, EventOutcome.COMPLETED)
