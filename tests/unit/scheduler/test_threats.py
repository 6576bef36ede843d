"""What a threat means for a job: when it keeps it off a host, and when it ends what runs there."""

from datetime import timedelta

import pytest

from services.scheduler.domain.decisions import Cause
from services.scheduler.domain.hosts import STARTED, Threat
from services.scheduler.domain.policies import (
    AUTO,
    AtDeadline,
    InFlight,
    LeadTime,
    Maintenance,
    MaintenanceRule,
    Policies,
    Strategy,
)
from services.scheduler.domain.threats import (
    DEADLINE_MARGIN,
    LEAD_MARGIN,
    BreakOff,
    Case,
    barriers,
    cause_of,
    counts_against_drain,
    crosses,
    describe,
    next_ending,
    tolerance,
)
from tests.parts.builders import by_hand, case, definition, host, threat

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def ruled(expected: timedelta | None = None, *, timeout: timedelta = MINUTE, **answers: object) -> Case:
    rule = Maintenance(rule=MaintenanceRule(**answers))  # type: ignore[arg-type]
    return case(definition(maintenance=rule, timeout=timeout), expected=expected)


def ended(what: Case, *threats: Threat) -> BreakOff | None:
    """Return why an execution on a host with these threats is to end now."""
    ending = next_ending(what.policies, host("db-0", *threats), what)
    return ending.why if ending is not None and ending.at <= what.now else None


def keeps_off(what: Case, *threats: Threat) -> bool:
    return bool(barriers(what, host("db-0", *threats)))


@pytest.mark.parametrize(
    ("lead", "expected", "stops_at"),
    [
        (timedelta(0), None, timedelta(0)),
        (5 * MINUTE, None, 5 * MINUTE),
        (5 * MINUTE, 2 * MINUTE, 5 * MINUTE),
        (5 * MINUTE, 9 * MINUTE, 9 * MINUTE),
        (AUTO, 2 * SECOND, 2 * SECOND + LEAD_MARGIN),
        (AUTO, HOUR, HOUR + LEAD_MARGIN),
        (AUTO, timedelta(0), LEAD_MARGIN),
        (AUTO, None, MINUTE + LEAD_MARGIN),
    ],
    ids=[
        "none",
        "fixed",
        "longer than it takes",
        "shorter than it takes",
        "short job",
        "long job",
        "instant",
        "unknown",
    ],
)
def test_a_job_stops_its_lead_time_before_the_event_or_as_early_as_it_needs(
    lead: LeadTime, expected: timedelta | None, stops_at: timedelta
) -> None:
    what = ruled(expected, lead_time=lead)
    assert keeps_off(what, threat("db-0", notice=stops_at))
    assert not keeps_off(what, threat("db-0", notice=stops_at + timedelta(microseconds=1)))


@pytest.mark.parametrize("strategy", [Strategy.HOLD, Strategy.REROUTE])
def test_without_a_lead_time_a_job_stops_at_first_sight(strategy: Strategy) -> None:
    assert keeps_off(ruled(strategy=strategy), threat("db-0", notice=timedelta(days=7)))


FAR = threat("db-0", notice=timedelta(days=7))
AT_ONCE = [
    ("started", threat("db-0", status=STARTED, notice=HOUR)),
    ("without a date", threat("db-0")),
    (
        "about to be approved",
        Threat(event_id="E", type="Reboot", status="Scheduled", not_before=FAR.not_before, closed=True),
    ),
    ("overdue", threat("db-0", notice=-HOUR)),
    ("a cordon", by_hand()),
]


@pytest.mark.parametrize("found", [each for _, each in AT_ONCE], ids=[name for name, _ in AT_ONCE])
@pytest.mark.parametrize("lead", [timedelta(0), MINUTE, AUTO])
def test_no_lead_time_is_left_to_use_of(found: Threat, lead: LeadTime) -> None:
    assert keeps_off(ruled(SECOND, lead_time=lead), found)


@pytest.mark.parametrize("found", [FAR, *(each for _, each in AT_ONCE)])
def test_a_job_that_ignores_an_event_is_neither_kept_off_nor_broken_off_nor_waited_for(found: Threat) -> None:
    what = ruled(strategy=Strategy.IGNORE, in_flight=InFlight.CANCEL, at_deadline=AtDeadline.CANCEL)
    assert not keeps_off(what, found)
    assert ended(what, found) is None
    assert not counts_against_drain(what.policies, found)


def test_every_threat_that_keeps_a_job_off_is_told_in_its_order() -> None:
    far, near = threat("db-0", notice=HOUR), threat("db-0", kind="Freeze", notice=MINUTE)
    assert barriers(ruled(lead_time=2 * MINUTE), host("db-0", near, far, by_hand())) == (near, by_hand())


@pytest.mark.parametrize(
    ("answers", "threats", "why"),
    [
        ({}, (), None),
        ({}, (FAR,), None),
        ({"strategy": Strategy.IGNORE}, (FAR, by_hand()), Cause.IGNORED),
        ({"lead_time": MINUTE}, (FAR,), Cause.TIME_LEFT),
        ({"lead_time": MINUTE}, (FAR, by_hand()), None),
    ],
    ids=["no threat", "kept off", "ignored", "time left", "one of two"],
)
def test_why_a_threatened_host_is_used_all_the_same(
    answers: dict[str, object], threats: tuple[Threat, ...], why: Cause | None
) -> None:
    assert tolerance(ruled(**answers), host("db-0", *threats)) is why  # type: ignore[arg-type]


def broken_off(what: Case, *threats: Threat) -> tuple[Cause, bool] | None:
    found = ended(what, *threats)
    return None if found is None else (found.cause, found.repeat)


WAIT, CANCEL = InFlight.WAIT, InFlight.CANCEL
DUE, LATER = threat("db-0", notice=DEADLINE_MARGIN), threat("db-0", notice=DEADLINE_MARGIN + SECOND)
BEGUN = threat("db-0", status=STARTED)


@pytest.mark.parametrize(
    ("in_flight", "at_deadline", "found", "expected"),
    [
        (WAIT, AtDeadline.LEAVE, LATER, None),
        (WAIT, AtDeadline.LEAVE, BEGUN, None),
        (WAIT, AtDeadline.CANCEL, LATER, None),
        (WAIT, AtDeadline.CANCEL, DUE, (Cause.DEADLINE, False)),
        (WAIT, AtDeadline.CANCEL, BEGUN, (Cause.DEADLINE, False)),
        (WAIT, AtDeadline.MOVE, LATER, None),
        (WAIT, AtDeadline.MOVE, DUE, (Cause.DEADLINE, True)),
        (WAIT, AtDeadline.MOVE, by_hand(), None),
        (CANCEL, AtDeadline.LEAVE, LATER, (Cause.EVENT, True)),
        (CANCEL, AtDeadline.CANCEL, BEGUN, (Cause.EVENT, True)),
        (CANCEL, AtDeadline.LEAVE, by_hand(), (Cause.CORDON, True)),
    ],
)
def test_what_runs_is_ended_when_its_rule_says_so(
    in_flight: InFlight, at_deadline: AtDeadline, found: Threat, expected: tuple[Cause, bool] | None
) -> None:
    assert broken_off(ruled(in_flight=in_flight, at_deadline=at_deadline), found) == expected


def test_what_is_to_be_cancelled_runs_on_until_its_lead_time_has_come() -> None:
    what = ruled(in_flight=CANCEL, lead_time=MINUTE)
    assert broken_off(what, threat("db-0", notice=MINUTE + SECOND)) is None
    assert broken_off(what, threat("db-0", notice=MINUTE)) == (Cause.EVENT, True)


def test_the_second_event_on_a_host_may_end_what_the_first_one_leaves_alone() -> None:
    by_type = Maintenance(by_type={"preempt": MaintenanceRule(in_flight=CANCEL)})
    what = case(definition(maintenance=by_type))
    assert broken_off(what, threat("db-0"), threat("db-0", kind="Preempt")) == (Cause.EVENT, True)


def test_only_who_ignores_the_event_itself_is_not_waited_for() -> None:
    policies = Policies(job=Maintenance(by_type={"freeze": MaintenanceRule(strategy=Strategy.IGNORE)}))
    assert not counts_against_drain(policies, threat("db-0", kind="Freeze"))
    assert counts_against_drain(policies, threat("db-0", kind="Reboot"))


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (BEGUN, "Reboot of db has started"),
        (threat("db-0"), "Reboot of db is announced"),
        (threat("db-0", notice=MINUTE), "Reboot of db is due at 2026-03-02 12:01:00 UTC"),
        (by_hand(), "db: cordoned by hand"),
    ],
)
def test_a_threat_is_told_in_a_sentence(found: Threat, told: str) -> None:
    assert describe(found, "db") == told


def test_an_operators_cordon_is_told_apart_from_an_event() -> None:
    assert (cause_of(by_hand()), cause_of(FAR)) == (Cause.CORDON, Cause.EVENT)


@pytest.mark.parametrize(
    ("expected", "timeout", "left", "it_crosses"),
    [
        (MINUTE, HOUR, 2 * MINUTE, False),
        (3 * MINUTE, HOUR, 2 * MINUTE, True),
        (None, MINUTE, 2 * MINUTE, False),
        (None, HOUR, 2 * MINUTE, True),
    ],
)
def test_an_execution_crosses_the_start_of_an_event_if_it_usually_takes_longer_than_there_is(
    expected: timedelta | None, timeout: timedelta, left: timedelta, it_crosses: bool
) -> None:
    assert crosses(ruled(expected, timeout=timeout), threat("db-0", notice=left)) is it_crosses


def test_nothing_crosses_what_has_started_has_no_deadline_or_is_ignored() -> None:
    long = ruled(HOUR)
    assert not crosses(long, threat("db-0", notice=MINUTE, status=STARTED))
    assert not crosses(long, by_hand())
    assert not crosses(ruled(HOUR, strategy=Strategy.IGNORE), threat("db-0", notice=MINUTE))
