"""The judge of the drill against histories made by hand: a good one, and each broken promise by itself."""

from collections.abc import Sequence

import msgspec
import pytest

from tests.drill.checker import judge
from tests.drill.records import (
    Act,
    Action,
    DrillJob,
    Ending,
    Evidence,
    Fault,
    FaultKind,
    Maintenance,
    Overlap,
    Request,
    Row,
    Status,
    Tally,
    Verb,
    Wrong,
)

JOB = DrillJob(name="tick", first=100.0, every=10.0, last=130.0)
KILL = Fault(kind=FaultKind.KILL, began=110.2, ended=112.0, replica="one")


def request(due: float, *, attempt: int = 1, late: float = 0.01, seconds: float = 0.5, **more: object) -> Request:
    fields: dict[str, object] = {
        "job": "tick",
        "occurrence": f"at {due:g}",
        "attempt": attempt,
        "scheduled": due,
        "arrived": due + late,
        "ended": due + late + seconds,
    }
    return Request(**{**fields, **more})  # type: ignore[arg-type]


def row(due: float, *, status: Status = Status.COMPLETED, at: float | None = None, **more: object) -> Row:
    started = due if at is None else at
    fields: dict[str, object] = {
        "job": "tick",
        "occurrence": f"at {due:g}",
        "scheduled": due,
        "started": started,
        "ended": started if status in (Status.SKIPPED, Status.MISSED, Status.POSTPONED) else started + 0.6,
        "status": status,
    }
    return Row(**{**fields, **more})  # type: ignore[arg-type]


DUES = (100.0, 110.0, 120.0, 130.0)
GOOD = Evidence(
    lease=3,
    healed=100.0,
    closed=200.0,
    jobs=(JOB,),
    requests=tuple(map(request, DUES)),
    rows=tuple(map(row, DUES)),
    tallies=(Tally(job="tick", state="completed", executions=4, failures=0, faulted=0),),
)


def without(due: float, **more: object) -> Evidence:
    """Return the good history without one occurrence; `more` replaces or, for sequences, adds."""
    kept = msgspec.structs.replace(
        GOOD,
        requests=tuple(each for each in GOOD.requests if each.scheduled != due),
        rows=tuple(each for each in GOOD.rows if each.scheduled != due),
        tallies=(),
    )
    return with_more(kept, **more)


def with_more(evidence: Evidence = GOOD, **more: object) -> Evidence:
    """Return a history with more in its sequences, and other things replaced."""
    lists = {name: (*getattr(evidence, name), *value) for name, value in more.items() if isinstance(value, Sequence)}
    return msgspec.structs.replace(evidence, **{**more, **lists})


def job(**changes: object) -> tuple[DrillJob, ...]:
    return (msgspec.structs.replace(JOB, **changes),)


def found(evidence: Evidence) -> list[Wrong]:
    return [violation.wrong for violation in judge(evidence).violations]


def test_a_good_history_has_nothing_wrong() -> None:
    verdict = judge(GOOD)
    assert verdict.violations == ()
    assert (verdict.due, verdict.requests, verdict.repeats, verdict.recovery) == (4, 4, 0, 0.0)


def test_a_due_instant_without_a_run_or_row_is_lost() -> None:
    assert found(without(110.0)) == [Wrong.LOST]


def test_a_due_instant_with_a_request_but_no_row_is_lost_and_unrecorded() -> None:
    assert found(without(110.0, requests=[request(110.0)])) == [Wrong.LOST, Wrong.UNRECORDED]


def test_a_run_that_was_promised_and_never_came_is_lost() -> None:
    promised = Act(verb=Verb.RUN, job="tick", called=115.0, done=115.1, occurrence="asked for")
    assert found(with_more(acts=[promised])) == [Wrong.LOST]


def test_instants_of_a_job_that_was_disabled_for_good_need_not_run() -> None:
    closing = Act(verb=Verb.DISABLE, job="tick", called=125.0, done=125.1)
    assert found(without(130.0, acts=[closing])) == []


@pytest.mark.parametrize(("late", "wrong"), [(0.9, []), (1.5, [Wrong.LATE])])
def test_a_start_beyond_its_window_is_late(late: float, wrong: list[Wrong]) -> None:
    assert found(without(120.0, requests=[request(120.0, late=late)], rows=[row(120.0, at=120 + late)])) == wrong


def test_a_fault_excuses_lateness_until_its_recovery_and_no_longer() -> None:
    fault = Fault(kind=FaultKind.TERM, began=119.0, ended=121.0)
    for late, wrong in ((6.0, []), (9.0, [Wrong.LATE])):
        late_one = {"requests": [request(120.0, late=late)], "rows": [row(120.0, at=120 + late)], "faults": [fault]}
        assert found(without(120.0, **late_one)) == wrong


def test_a_job_that_takes_turns_may_be_late_while_its_own_run_lasts() -> None:
    evidence = without(110.0, requests=[request(110.0, late=5.0)], rows=[row(110.0, at=115.0)])
    long = [msgspec.structs.replace(GOOD.requests[0], ended=115.0), *evidence.requests[1:]]
    assert found(msgspec.structs.replace(evidence, requests=tuple(long), jobs=job(overlap=Overlap.QUEUE_ONE))) == []
    assert found(msgspec.structs.replace(evidence, requests=tuple(long))) == [Wrong.LATE]


def test_a_start_before_its_instant_is_early() -> None:
    assert found(without(120.0, requests=[request(120.0, late=-0.2)], rows=[row(120.0)])) == [Wrong.EARLY]


def test_a_request_for_no_due_instant_was_not_planned() -> None:
    assert found(with_more(requests=[request(115.0)], rows=[row(115.0)], tallies=[])) == [
        Wrong.UNPLANNED,
        Wrong.MISCOUNTED,
    ]


def test_the_same_attempt_twice_is_a_duplicate_even_after_a_kill() -> None:
    assert found(with_more(requests=[request(110.0, late=2.0)], faults=[KILL])) == [Wrong.DUPLICATE]


def test_a_lower_attempt_after_a_higher_one_is_a_stale_claim_that_fired() -> None:
    frozen = Fault(kind=FaultKind.FREEZE_LONG, began=109.0, ended=113.0)
    evidence = without(
        110.0,
        requests=[request(110.0, attempt=2, late=1.0), request(110.0, late=3.0)],
        rows=[row(110.0, at=111.0, attempt=2)],
        faults=[frozen],
    )
    assert found(evidence) == [Wrong.STALE]


def test_a_repeat_after_a_kill_carries_a_higher_attempt_and_is_counted() -> None:
    broken = request(110.0, ending=Ending.BROKEN, seconds=0.2)
    evidence = without(
        110.0,
        requests=[broken, request(110.0, attempt=2, late=3.0)],
        rows=[row(110.0, at=113.0, attempt=2)],
        faults=[KILL],
    )
    verdict = judge(evidence)
    assert (verdict.violations, verdict.repeats, verdict.in_flight) == ((), 1, 1)


def test_a_repeat_needs_a_fault_that_hid_the_first_outcome() -> None:
    repeated = [request(110.0), request(110.0, attempt=2, late=3.0)]
    evidence = without(110.0, requests=repeated, rows=[row(110.0, at=113.0, attempt=2)])
    assert found(evidence) == [Wrong.UNRECORDED, Wrong.CAUSELESS]


def test_an_instant_has_one_id() -> None:
    other = msgspec.structs.replace(request(110.0, attempt=2, late=2.0), occurrence="another")
    evidence = with_more(requests=[other], faults=[KILL])
    assert found(evidence) == [Wrong.OTHER_ID]


def test_nothing_starts_on_a_threatened_host() -> None:
    event = Maintenance(host="db", began=108.0, ended=112.0)
    evidence = without(110.0, requests=[request(110.0, host="db")], rows=[row(110.0)], maintenances=[event])
    assert found(evidence) == [Wrong.WHILE_HELD]
    lost = Fault(kind=FaultKind.BROKER_LOST, began=108.5, ended=109.0)
    assert found(with_more(evidence, faults=[lost])) == []


def test_nothing_starts_of_a_disabled_job_but_what_is_asked_for() -> None:
    closed = [
        Act(verb=Verb.DISABLE, job="tick", called=105.0, done=105.1),
        Act(verb=Verb.ENABLE, job="tick", called=112.0, done=112.1),
    ]
    assert found(with_more(acts=closed)) == [Wrong.WHILE_DISABLED]
    asked = Act(verb=Verb.RUN, job="tick", called=109.0, done=109.1, occurrence="at 110")
    assert found(with_more(acts=[*closed, asked])) == [Wrong.LOST]


def test_nothing_starts_of_a_deleted_job() -> None:
    gone = Act(verb=Verb.DELETE, job="tick", called=125.0, done=125.1)
    assert found(with_more(acts=[gone], read={"tick": 200.0})) == [Wrong.WHILE_DELETED]


def test_a_patched_job_runs_as_patched() -> None:
    patched = Act(verb=Verb.PATCH, job="tick", called=125.0, done=125.1, version=1)
    assert found(with_more(acts=[patched])) == [Wrong.OUTDATED]


def test_a_row_of_a_run_needs_its_request() -> None:
    assert found(without(110.0, rows=[row(110.0)])) == [Wrong.UNSENT]
    assert found(without(110.0, rows=[row(110.0, status=Status.FAILED)])) == [Wrong.UNSENT]


def test_a_target_that_was_away_explains_a_failure_without_a_request() -> None:
    gone = Fault(kind=FaultKind.TARGET_GONE, began=109.0, ended=111.0)
    assert found(without(110.0, rows=[row(110.0, status=Status.FAILED)], faults=[gone])) == []
    assert found(without(110.0, rows=[row(110.0)], faults=[gone])) == [Wrong.UNSENT]


def test_an_occurrence_ends_once() -> None:
    skipped = row(110.0, status=Status.SKIPPED, at=110.5, reason="the previous occurrence still runs")
    jobs = job(overlap=Overlap.SKIP)
    assert Wrong.TWICE_ENDED in found(msgspec.structs.replace(with_more(rows=[skipped]), jobs=jobs))


@pytest.mark.parametrize(("ended", "wrong"), [(112.0, []), (109.2, []), (108.5, [Wrong.UNTRUE])])
def test_a_skip_is_true_only_while_another_run_was_under_way_or_its_outcome_unwritten(
    ended: float, wrong: list[Wrong]
) -> None:
    skipped = row(110.0, status=Status.SKIPPED, reason="the previous occurrence still runs")
    evidence = without(110.0, rows=[skipped])
    first = msgspec.structs.replace(GOOD.requests[0], ended=ended)
    requests = (first, *evidence.requests[1:])
    assert found(msgspec.structs.replace(evidence, requests=requests, jobs=job(overlap=Overlap.SKIP))) == wrong


@pytest.mark.parametrize(
    ("catch_up", "at", "wrong"),
    [("Skip", 145.0, []), ("Skip", 112.0, [Wrong.UNTRUE]), ("RunAll", 145.0, [Wrong.UNTRUE])],
)
def test_a_miss_is_true_only_after_the_grace_and_where_not_all_is_caught_up(
    catch_up: str, at: float, wrong: list[Wrong]
) -> None:
    missed = row(110.0, status=Status.MISSED, at=at, reason="not caught up")
    assert found(msgspec.structs.replace(without(110.0, rows=[missed]), jobs=job(catch_up=catch_up))) == wrong


def test_what_is_coalesced_was_held_before() -> None:
    ended = row(110.0, status=Status.SKIPPED, at=112.0, reason="coalesced")
    held = row(110.0, status=Status.POSTPONED, reason="Reboot of db is announced")
    assert found(without(110.0, rows=[ended])) == [Wrong.UNTRUE]
    assert found(without(110.0, rows=[held, ended])) == []


def test_jobs_that_take_turns_do_not_overlap() -> None:
    long = msgspec.structs.replace(GOOD.requests[0], ended=115.0)
    evidence = msgspec.structs.replace(GOOD, requests=(long, *GOOD.requests[1:]))
    assert found(evidence) == []
    assert found(msgspec.structs.replace(evidence, jobs=job(overlap=Overlap.SKIP))) == [Wrong.OVERLAPPED]


def test_counters_are_the_sums_of_the_rows() -> None:
    tally = Tally(job="tick", state="completed", executions=5, failures=0, faulted=0)
    assert found(msgspec.structs.replace(GOOD, tallies=(tally,))) == [Wrong.MISCOUNTED]


def test_error_actions_count_neither_as_executions_nor_as_failures() -> None:
    failed = row(110.0, status=Status.FAILED)
    rescued = row(110.0, at=110.7, attempt=2, action=Action.ERROR)
    requests = [request(110.0, status=500), request(110.0, attempt=2, late=0.7, action=Action.ERROR)]
    evidence = without(110.0, requests=requests, rows=[failed, rescued])
    tally = Tally(job="tick", state="completed", executions=4, failures=1, faulted=1)
    assert found(with_more(evidence, tallies=[tally])) == []


def test_an_occurrence_whose_error_action_was_given_up_had_failed_for_good() -> None:
    failed = row(110.0, status=Status.FAILED)
    given_up = row(110.0, at=110.7, attempt=2, action=Action.ERROR, status=Status.SKIPPED, reason="the job is disabled")
    evidence = without(110.0, requests=[request(110.0, status=500)], rows=[failed, given_up])
    acts = [
        Act(verb=Verb.DISABLE, job="tick", called=110.1, done=110.2),
        Act(verb=Verb.ENABLE, job="tick", called=111.0, done=111.1),
    ]
    tally = Tally(job="tick", state="completed", executions=4, failures=1, faulted=1)
    assert found(with_more(evidence, tallies=[tally], acts=acts)) == []


def test_a_job_past_its_last_instant_is_completed() -> None:
    tally = Tally(job="tick", state="enabled", executions=4, failures=0, faulted=0)
    assert found(msgspec.structs.replace(GOOD, tallies=(tally,))) == [Wrong.UNENDED]


def test_a_replica_falls_by_itself_only_while_its_database_is_away() -> None:
    fell = Fault(kind=FaultKind.FELL, began=110.0, ended=111.0, replica="one")
    assert found(with_more(faults=[fell])) == [Wrong.FELL]
    crash = Fault(kind=FaultKind.DATABASE_RESTART, began=109.0, ended=111.0)
    assert found(with_more(faults=[fell, crash])) == []


def test_recovery_is_how_long_after_the_last_fault_starts_were_late() -> None:
    evidence = without(110.0, requests=[request(110.0, late=4.0)], rows=[row(110.0, at=114.0)], faults=[KILL])
    assert judge(msgspec.structs.replace(evidence, healed=112.0)).recovery == pytest.approx(2.0)
