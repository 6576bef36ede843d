"""Due jobs become occurrences; what was missed while nobody looked is made up for as the job says."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.scheduler.dispatch.planner import GRACE, after_skip, plan
from services.scheduler.domain.actions import Action, HttpCall
from services.scheduler.domain.collections import CollectionId
from services.scheduler.domain.delays import start_within
from services.scheduler.domain.executions import HistoryStatus, OccurrenceState, occurrence_id
from services.scheduler.domain.jobs import Job, JobDefinition, JobId, JobState
from services.scheduler.domain.policies import CatchUp
from services.scheduler.domain.recurrence import Frequency, Recurrence
from services.scheduler.store.records import (
    Plan,
)
from tests.parts.instants import shown, utc

NOW = utc("2026-03-10T12:00:00")
AHEAD = timedelta(seconds=5)
EVERY_MINUTE = Recurrence(frequency=Frequency.MINUTE)
EVERY_SECOND = Recurrence(frequency=Frequency.SECOND)


def job(
    recurrence: Recurrence | None,
    next_due: datetime | None,
    *,
    planned: int = 0,
    catch_up: CatchUp = CatchUp.RUN_ONCE,
    window: timedelta = timedelta(hours=1),
) -> Job:
    start = utc("2020-01-01T00:00:00")
    definition = JobDefinition(
        action=Action(call=HttpCall(method="GET", uri="http://127.0.0.1/")),
        start_time=start,
        recurrence=recurrence,
        catch_up=catch_up,
        catch_up_window=window,
    )
    return Job(
        id=JobId(7),
        uid="uid",
        collection_id=CollectionId(1),
        collection="nightly",
        name="report",
        definition=definition,
        state=JobState.ENABLED,
        anchor=start,
        next_due=next_due,
        planned=planned,
        created_at=start,
        updated_at=start,
    )


def planned(subject: Job, *, ahead: timedelta = AHEAD) -> Plan:
    return plan(subject, now=NOW, horizon=NOW + ahead)


def run_at(result: Plan) -> list[datetime]:
    return [occurrence.due for occurrence in result.occurrences]


def reasons(result: Plan) -> list[str]:
    return [row.reason for row in result.missed]


def test_a_due_job_gives_claimed_occurrences_with_their_ids() -> None:
    subject = job(EVERY_SECOND, NOW, planned=4)
    result = plan(subject, now=NOW, horizon=NOW + timedelta(seconds=1))
    first, second = result.occurrences
    assert (first.due, second.due) == (NOW, NOW + timedelta(seconds=1))
    assert first.id == occurrence_id("uid", NOW)
    assert (first.state, first.fire_at, first.ordinal, second.ordinal) == (OccurrenceState.CLAIMED, NOW, 5, 6)
    assert (result.planned, result.next_due) == (6, NOW + timedelta(seconds=2))
    assert (result.missed, result.final_state) == ((), None)


def test_a_job_that_is_not_due_before_the_horizon_stays_as_it_is() -> None:
    later = NOW + timedelta(minutes=1)
    assert planned(job(EVERY_MINUTE, later, planned=3)) == Plan(next_due=later, planned=3)


def test_what_exceeds_the_limit_is_left_for_the_next_plan() -> None:
    subject = job(EVERY_SECOND, NOW)
    result = plan(subject, now=NOW, horizon=NOW + timedelta(seconds=9), limit=4)
    assert len(result.occurrences) == 4
    assert result.next_due == NOW + timedelta(seconds=4)


def test_the_count_ends_a_job_with_its_last_occurrence() -> None:
    counted = Recurrence(frequency=Frequency.SECOND, count=5)
    result = planned(job(counted, NOW, planned=3))
    assert [occurrence.ordinal for occurrence in result.occurrences] == [4, 5]
    assert (result.next_due, result.planned, result.final_state) == (None, 5, None)


def test_a_one_time_job_is_planned_once() -> None:
    result = planned(job(None, NOW))
    assert run_at(result) == [NOW]
    assert (result.next_due, result.planned, result.final_state) == (None, 1, None)


def test_an_end_time_ends_a_job() -> None:
    ending = Recurrence(frequency=Frequency.MINUTE, end_time=NOW)
    assert planned(job(ending, NOW)).next_due is None


def test_a_small_delay_is_not_a_miss() -> None:
    result = planned(job(EVERY_SECOND, NOW - GRACE))
    assert len(result.occurrences) == 36
    assert result.missed == ()


def test_by_default_missed_occurrences_are_coalesced_into_the_latest() -> None:
    result = planned(job(EVERY_MINUTE, NOW - timedelta(minutes=5, seconds=0)))
    assert run_at(result) == [NOW]
    assert shown([row.scheduled_time for row in result.missed]) == [f"03-10 11:{minute}" for minute in range(55, 60)]
    assert set(reasons(result)) == {"coalesced"}
    assert {row.status for row in result.missed} == {HistoryStatus.MISSED}


def test_a_coalesced_run_happens_although_the_next_one_is_far() -> None:
    nightly = Recurrence(frequency=Frequency.DAY)
    subject = job(nightly, NOW - timedelta(minutes=40))
    result = planned(subject)
    assert run_at(result) == [NOW - timedelta(minutes=40)]
    assert result.missed == ()
    assert result.next_due == utc("2026-03-11T00:00:00")


def test_nothing_older_than_the_window_is_made_up_for() -> None:
    nightly = Recurrence(frequency=Frequency.DAY)
    result = planned(job(nightly, utc("2026-03-09T00:00:00")))
    assert run_at(result) == []
    assert reasons(result) == ["window passed", "window passed"]
    assert (result.next_due, result.planned, result.final_state) == (utc("2026-03-11T00:00:00"), 0, None)


def test_run_all_makes_up_for_everything_in_the_window() -> None:
    subject = job(EVERY_MINUTE, NOW - timedelta(minutes=12), catch_up=CatchUp.RUN_ALL, window=timedelta(minutes=10))
    result = planned(subject)
    assert shown(run_at(result)) == [*(f"03-10 11:{minute}" for minute in range(50, 60)), "03-10 12:00"]
    assert reasons(result) == ["window passed", "window passed"]


def test_skip_makes_up_for_nothing_and_goes_on_with_what_is_due() -> None:
    result = planned(job(EVERY_MINUTE, NOW - timedelta(minutes=3), catch_up=CatchUp.SKIP))
    assert run_at(result) == [NOW]
    assert reasons(result) == ["not caught up"] * 3


def test_the_count_counts_what_ran_and_not_what_was_missed() -> None:
    counted = Recurrence(frequency=Frequency.MINUTE, count=2)
    result = planned(job(counted, NOW - timedelta(minutes=20)))
    assert [occurrence.ordinal for occurrence in result.occurrences] == [1]
    assert (len(result.missed), result.planned, result.next_due) == (20, 1, NOW + timedelta(minutes=1))


@pytest.mark.parametrize("catch_up", [CatchUp.RUN_ONCE, CatchUp.RUN_ALL])
def test_a_late_one_time_job_runs_within_its_window(catch_up: CatchUp) -> None:
    result = planned(job(None, NOW - timedelta(minutes=59), catch_up=catch_up))
    assert run_at(result) == [NOW - timedelta(minutes=59)]
    assert result.missed == ()


@pytest.mark.parametrize(
    ("late", "catch_up", "reason"),
    [
        (timedelta(minutes=61), CatchUp.RUN_ONCE, "window passed"),
        (timedelta(minutes=61), CatchUp.RUN_ALL, "window passed"),
        (timedelta(minutes=1), CatchUp.SKIP, "not caught up"),
    ],
)
def test_a_one_time_job_that_is_not_made_up_for_is_completed(late: timedelta, catch_up: CatchUp, reason: str) -> None:
    result = planned(job(None, NOW - late, catch_up=catch_up))
    assert reasons(result) == [reason]
    assert (run_at(result), result.next_due, result.final_state) == ([], None, JobState.COMPLETED)


def test_a_job_whose_end_passed_meanwhile_is_completed() -> None:
    ended = Recurrence(frequency=Frequency.HOUR, end_time=NOW - timedelta(hours=3))
    result = planned(job(ended, NOW - timedelta(hours=5)))
    assert reasons(result) == ["window passed"] * 3
    assert (result.next_due, result.final_state) == (None, JobState.COMPLETED)


def test_a_year_away_is_passed_over_and_told_in_a_hundred_rows() -> None:
    result = planned(job(EVERY_SECOND, NOW - timedelta(days=365)), ahead=timedelta())
    assert run_at(result) == [NOW]
    assert len(result.missed) == 100
    assert result.missed[-1].message == "window passed; more than 300 more were missed before 2026-03-10T12:00:00+00:00"
    few = planned(job(EVERY_MINUTE, NOW - timedelta(minutes=150)))
    assert few.missed[-1].message.startswith("coalesced; 50 more were missed before")


def test_a_skipped_occurrence_gives_its_place_to_the_next_due_instant() -> None:
    subject = job(EVERY_MINUTE, None, planned=5)
    assert after_skip(subject, NOW, NOW) == NOW + timedelta(minutes=1)
    assert after_skip(subject, NOW, NOW + timedelta(seconds=90)) == NOW + timedelta(minutes=2)
    assert after_skip(job(None, None), NOW, NOW) is None


@settings(deadline=None)
@given(
    seconds=st.integers(1, 5000),
    away=st.integers(0, 100_000),
    catch_up=st.sampled_from(CatchUp),
    window=st.integers(0, 7200),
)
def test_each_occurrence_is_run_or_missed_once_and_in_order(
    seconds: int, away: int, catch_up: CatchUp, window: int
) -> None:
    recurrence = Recurrence(frequency=Frequency.SECOND, interval=seconds)
    subject = job(recurrence, None, catch_up=catch_up, window=timedelta(seconds=window))
    first = after_skip(subject, NOW - timedelta(seconds=away), NOW - timedelta(seconds=away))
    assert first is not None
    result = plan(job(recurrence, first, catch_up=catch_up, window=timedelta(seconds=window)), now=NOW, horizon=NOW)
    told = [row.scheduled_time for row in result.missed] + run_at(result)
    told += [] if result.next_due is None else [result.next_due]
    assert told[0] == first
    assert all(earlier < later for earlier, later in pairwise(told))
    if len(result.missed) < 100:
        assert {later - earlier for earlier, later in pairwise(told)} <= {timedelta(seconds=seconds)}


def windowed(
    recurrence: Recurrence | None,
    next_due: datetime,
    length: timedelta,
    *,
    planned: int = 0,
    catch_up: CatchUp = CatchUp.RUN_ONCE,
) -> Job:
    plain = job(recurrence, next_due, planned=planned, catch_up=catch_up)
    return replace(plain, definition=replace(plain.definition, flexible_window=length))


def test_an_occurrence_of_a_window_is_due_as_ever_and_starts_at_its_own_instant() -> None:
    hour = timedelta(hours=1)
    [one] = planned(windowed(None, NOW, hour)).occurrences
    assert (one.due, one.id) == (NOW, occurrence_id("uid", NOW))
    assert one.fire_at == start_within(hour, NOW, one.id)
    assert one.state is OccurrenceState.READY


def test_an_occurrence_whose_start_is_near_is_claimed_at_once() -> None:
    ahead = timedelta(seconds=3)
    found = planned(windowed(EVERY_SECOND, NOW, timedelta(seconds=1)), ahead=ahead).occurrences
    for one in found:
        near = one.fire_at <= NOW + ahead
        assert one.state is (OccurrenceState.CLAIMED if near else OccurrenceState.READY)
    starts = [one.fire_at for one in found]
    assert starts == sorted(starts)


def test_the_due_time_and_not_the_start_decides_what_is_missed() -> None:
    late = NOW - timedelta(minutes=5)
    result = planned(windowed(EVERY_MINUTE, late, timedelta(minutes=1), catch_up=CatchUp.SKIP))
    assert len(result.missed) == 5
    assert run_at(result) == [NOW]


def test_the_window_changes_neither_count_nor_end() -> None:
    ending = Recurrence(frequency=Frequency.MINUTE, end_time=NOW, count=3)
    result = planned(windowed(ending, NOW, timedelta(minutes=1), planned=2))
    assert (len(result.occurrences), result.next_due, result.planned) == (1, None, 3)
