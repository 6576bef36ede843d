"""Decisions by where a job may run: at home, in a pool, both, or where its URI points; and when nowhere is left."""

from datetime import timedelta

import pytest

from services.scheduler.domain.choosing import Choice, Load
from services.scheduler.domain.decisions import CAUSES, Cause, Standing
from services.scheduler.domain.hosts import STARTED, HostView, Loss, Threat
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.placement import Decision, Hold, Lost, Queue, Run, decide, home_of
from services.scheduler.domain.policies import (
    AUTO,
    HostChoice,
    LastStanding,
    Level,
    Maintenance,
    MaintenanceRule,
    Placement,
    Strategy,
)
from tests.parts.builders import EVENT_ID, NOON, by_hand, case, definition, fleet, host, threat

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LOST = Loss(event_id="E9", type="Preempt", at=NOON)
NEVER = threat("db-0", status=STARTED)


def decided(what: JobDefinition, *hosts: HostView, load: dict[str, int] | None = None, **more: object) -> Decision:
    running = load or {}
    busy: Load = lambda key: (running.get(key, 0), 0.0)  # noqa: E731
    return decide(case(what, **more), fleet(*hosts), busy)  # type: ignore[arg-type]


def told(decision: Decision) -> tuple[str, str | None, str]:
    """Return what was decided, on or for which host, and why."""
    if isinstance(decision, Queue):
        return "queue", decision.host, ""
    spot = decision.host.name if isinstance(decision, Run) and decision.host is not None else decision.host
    return decision.record.verdict.value, str(spot) if spot is not None else None, decision.record.cause.value


def rules(**answers: object) -> Maintenance:
    return Maintenance(rule=MaintenanceRule(**answers))  # type: ignore[arg-type]


def at(host_name: str | None, pool: str | None, *, maintenance: Maintenance | None = None) -> JobDefinition:
    return definition(host=host_name, pool=pool, maintenance=maintenance or Maintenance())


def db(number: int, *threats: Threat, **more: object) -> HostView:
    return host(f"db-{number}", *threats, pools=("db",), **more)


FREE = (db(0), db(1))
ALL = (db(0, NEVER), db(1, NEVER))
SITUATIONS = {
    "all free": FREE,
    "another one hit": (db(0), db(1, NEVER)),
    "the first one hit": (db(0, NEVER), db(1)),
    "all hit": ALL,
}
SPOTS = {
    "host": at("db-0", None),
    "pool": at(None, "db"),
    "both": at("db-0", "db"),
    "uri": definition("http://db-0/x"),
    "elsewhere": definition("http://elsewhere.test/"),
}
EXPECTED = {
    "host": ["ran db-0 home", "ran db-0 home", "held db-0 event", "held db-0 event"],
    "pool": ["ran db-0 spread", "ran db-0 spread", "rerouted db-1 event", "held db-0 event"],
    "both": ["ran db-0 home", "ran db-0 home", "rerouted db-1 event", "held db-0 event"],
    "uri": ["ran db-0 home", "ran db-0 home", "held db-0 event", "held db-0 event"],
    "elsewhere": ["ran None unplaced"] * 4,
}


@pytest.mark.parametrize("spot", SPOTS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_where_a_job_may_run_and_which_hosts_are_hit_decide(spot: str, situation: str) -> None:
    expected = EXPECTED[spot][list(SITUATIONS).index(situation)]
    assert " ".join(map(str, told(decided(SPOTS[spot], *SITUATIONS[situation])))) == expected


@pytest.mark.parametrize(
    "uri",
    ["http://DB-0/", "https://user@db-0:8443/x", "http://DBHOST/", "http://10.0.0.4:80/", "http://[fd00::4]/x"],
)
def test_a_host_is_known_by_its_name_its_computer_name_and_each_address(uri: str) -> None:
    known = fleet(host("db-0", computer_name="DbHost", addresses=("10.0.0.4", "fd00::4")), host("db-1"))
    home = home_of(definition(uri), known)
    assert home is not None
    assert home.name == "db-0"


@pytest.mark.parametrize("uri", ["http://db-0.example.com/", "http://10.0.0.40/", "http:///x", "http://[/", "db-0"])
def test_what_only_looks_like_a_host_is_none(uri: str) -> None:
    assert home_of(definition(uri), fleet(host("db-0", addresses=("10.0.0.4",)))) is None


def test_a_job_with_a_placement_is_not_tied_to_what_its_uri_says() -> None:
    assert told(decided(definition("http://db-1/", host="db-0"), *FREE)) == ("ran", "db-0", "home")
    assert told(decided(definition("http://db-1/", pool="db"), *FREE))[1] == "db-0"


@pytest.mark.parametrize(
    ("what", "known", "waiting_for"),
    [
        (at("db-9", None), FREE, "db-9"),
        (at(None, "web"), FREE, "web"),
        (at("db-9", "web"), FREE, "db-9"),
        (at(None, "db"), (), "db"),
    ],
    ids=["host", "pool", "both", "nobody at all"],
)
def test_a_job_waits_for_a_host_or_pool_that_nobody_reports(
    what: JobDefinition, known: tuple[HostView, ...], waiting_for: str
) -> None:
    decision = decided(what, *known)
    assert isinstance(decision, Hold)
    assert (decision.waiting_for, decision.event_id, decision.traits) == (waiting_for, None, "")
    assert decision.record.cause is Cause.UNKNOWN_HOST


def test_a_job_whose_own_host_nobody_reports_runs_in_its_pool() -> None:
    assert told(decided(at("db-9", "db"), *FREE)) == ("ran", "db-0", "spread")


def test_a_host_outside_the_pool_may_be_home_and_the_pool_is_where_it_moves() -> None:
    away = host("web-0", threat("web-0"), pools=("web",))
    assert told(decided(at("web-0", "db"), away, *FREE)) == ("rerouted", "db-0", "event")


BOTH, HOLD, MOVE, IGNORE = at("db-0", "db"), Strategy.HOLD, Strategy.REROUTE, Strategy.IGNORE


@pytest.mark.parametrize(
    ("preempt", "reboot", "verdict"),
    [
        (MOVE, MOVE, "rerouted"),
        (HOLD, MOVE, "held"),
        (MOVE, HOLD, "held"),
        (HOLD, HOLD, "held"),
        (MOVE, IGNORE, "rerouted"),
        (IGNORE, HOLD, "held"),
        (IGNORE, IGNORE, "ran"),
    ],
)
def test_one_event_that_wants_its_jobs_held_is_not_outvoted(preempt: Strategy, reboot: Strategy, verdict: str) -> None:
    by_type = {"preempt": MaintenanceRule(strategy=preempt), "reboot": MaintenanceRule(strategy=reboot)}
    hit = db(0, threat("db-0", kind="Preempt"), threat("db-0", kind="Reboot"))
    assert told(decided(at("db-0", "db", maintenance=Maintenance(by_type=by_type)), hit, db(1)))[0] == verdict


@pytest.mark.parametrize(
    ("what", "known", "load", "expected"),
    [
        (BOTH, (db(0, capacity=1), db(1)), {"db-0": 1}, ("rerouted", "db-1", "full")),
        (BOTH, (db(0, capacity=1), db(1, NEVER)), {"db-0": 1}, ("queue", "db-0", "")),
        (BOTH, (db(0, NEVER), db(1, capacity=0)), {}, ("queue", "db-1", "")),
        (at("db-0", None), (db(0, capacity=1),), {"db-0": 1}, ("queue", "db-0", "")),
        (at("db-0", None), (db(0, capacity=1),), {}, ("ran", "db-0", "home")),
        (at(None, "db"), (db(0, capacity=1), db(1, capacity=1)), {"db-0": 1, "db-1": 1}, ("queue", "db-0", "")),
        (at(None, "db"), (db(0, NEVER), db(1, capacity=1)), {"db-1": 1}, ("queue", "db-1", "")),
        (at(None, "db"), (db(0, NEVER, capacity=0), db(1, NEVER)), {}, ("held", "db-1", "event")),
    ],
)
def test_a_full_host_makes_jobs_move_or_wait_their_turn(
    what: JobDefinition, known: tuple[HostView, ...], load: dict[str, int], expected: tuple[str, str | None, str]
) -> None:
    decision = told(decided(what, *known, load={**load, "db-0": load.get("db-0", int(expected[0] == "held"))}))
    assert decision == expected


@pytest.mark.parametrize(
    ("what", "known", "expected"),
    [
        (at("db-0", None), (db(0, loss=LOST),), ("missed", "db-0", "lost")),
        (definition("http://db-0/"), (db(0, loss=LOST), db(1)), ("missed", "db-0", "lost")),
        (BOTH, (db(0, loss=LOST), db(1)), ("rerouted", "db-1", "lost")),
        (BOTH, (db(0, loss=LOST), db(1, NEVER)), ("held", "db-1", "event")),
        (BOTH, (db(0, loss=LOST), db(1, capacity=0)), ("queue", "db-1", "")),
        (at(None, "db"), (db(0, loss=LOST), db(1)), ("ran", "db-1", "spread")),
        (BOTH, (db(0, loss=LOST),), ("held", None, "unknown_host")),
        (BOTH, (db(0, loss=LOST), db(1, loss=LOST)), ("held", None, "unknown_host")),
        (at(None, "db"), (db(0, loss=LOST),), ("held", None, "unknown_host")),
        (at("db-0", None, maintenance=rules(strategy=Strategy.IGNORE)), (db(0, loss=LOST),), ("ran", "db-0", "home")),
        (at("db-0", "db", maintenance=rules(strategy=Strategy.IGNORE)), (db(0, loss=LOST),), ("ran", "db-0", "home")),
    ],
)
def test_a_host_that_is_lost_for_ever_is_left_for_the_pool_or_its_jobs_are_missed(
    what: JobDefinition, known: tuple[HostView, ...], expected: tuple[str, str | None, str]
) -> None:
    assert told(decided(what, *known)) == expected


def test_a_missed_occurrence_says_which_event_took_its_host_and_when() -> None:
    decision = decided(at("db-0", None), db(0, loss=LOST))
    assert isinstance(decision, Lost)
    assert decision.reason == "db-0 is not coming back: its Preempt was over at 2026-03-02 12:00:00 UTC"
    assert (decision.record.event_id, decision.record.event_type) == ("E9", "Preempt")


LAST = rules(last_standing=LastStanding.RUN_ON_LEAST_URGENT)
NEAR, FAR = threat("db-0", notice=2 * MINUTE), threat("db-0", notice=HOUR)
CLOSED = Threat(event_id="E", type="Reboot", status="Scheduled", not_before=NOON + HOUR, closed=True)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((NEAR,), (FAR,), ("rerouted", "db-1", "least_urgent")),
        ((FAR,), (NEAR,), ("ran", "db-0", "least_urgent")),
        ((NEVER,), (NEAR,), ("rerouted", "db-1", "least_urgent")),
        ((NEVER,), (NEVER,), ("held", "db-0", "event")),
        ((FAR, NEAR), (FAR,), ("rerouted", "db-1", "least_urgent")),
        ((FAR,), (by_hand(),), ("ran", "db-0", "least_urgent")),
        ((by_hand(),), (by_hand(),), ("held", "db-0", "cordon")),
        ((CLOSED,), (NEAR,), ("rerouted", "db-1", "least_urgent")),
        ((CLOSED,), (CLOSED,), ("held", "db-0", "event")),
        ((threat("db-0", notice=MINUTE + 5 * SECOND),), (NEVER,), ("held", "db-0", "event")),
        ((threat("db-0", notice=MINUTE + 6 * SECOND),), (NEVER,), ("ran", "db-0", "least_urgent")),
    ],
)
@pytest.mark.parametrize("spot", ["pool", "both"])
def test_the_last_one_standing_runs_where_the_most_time_is_left(
    first: tuple[Threat, ...], second: tuple[Threat, ...], expected: tuple[str, str | None, str], spot: str
) -> None:
    what = at("db-0" if spot == "both" else None, "db", maintenance=LAST)
    assert told(decided(what, db(0, *first), db(1, *second))) == expected


@pytest.mark.parametrize("expected", [10 * SECOND, HOUR], ids=["done before it", "would cross NotBefore"])
def test_the_last_one_standing_runs_only_what_will_be_done_before_its_event(expected: timedelta) -> None:
    decision = decided(at(None, "db", maintenance=LAST), db(0, NEAR), db(1, NEVER), expected=expected)
    assert isinstance(decision, Run if expected < HOUR else Hold)


def test_a_pool_stands_as_long_as_one_event_of_it_lets_jobs_run() -> None:
    by_type = Maintenance(by_type={"reboot": LAST.rule})
    hit = (db(0, threat("db-0", kind="Freeze", notice=HOUR)), db(1, NEAR))
    assert told(decided(at(None, "db", maintenance=by_type), *hit))[1] == "db-1"


COLD = {"back_at": NOON, "warm_up": timedelta(days=99)}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (db(1), {("ran", "db-0", "home"), ("rerouted", "db-1", "warming_up")}),
        (db(1, NEVER), {("ran", "db-0", "home")}),
        (db(1, capacity=0), {("ran", "db-0", "home")}),
    ],
    ids=["a warm one", "a threatened one", "a full one"],
)
def test_a_home_that_warms_up_gives_way_only_to_a_host_that_is_free(other: HostView, expected: set[object]) -> None:
    assert {told(decided(BOTH, db(0, **COLD), other, occurrence=str(number))) for number in range(50)} == expected


def test_a_home_that_warms_up_does_not_give_way_to_another_that_does() -> None:
    for occurrence in map(str, range(200)):
        how = Choice(policy=HostChoice.SPREAD, uid="uid", occurrence=occurrence, load=lambda _: (0, 0.0), now=NOON)
        moves = told(decided(BOTH, db(0, **COLD), db(1, **COLD), occurrence=occurrence))[1] == "db-1"
        assert moves == (how.is_cold(db(0, **COLD)) and not how.is_cold(db(1, **COLD)))


def test_the_record_of_a_decision_says_what_it_was_made_from() -> None:
    what = at("db-0", "db", maintenance=rules(lead_time=AUTO))
    due = Threat(event_id=EVENT_ID, type="Reboot", status="Scheduled", not_before=NOON + SECOND)
    decision = decided(what, db(0, due), db(1), collection=rules(strategy=MOVE), expected=SECOND)
    assert isinstance(decision, Run)
    assert (decision.away_from, decision.event_id) == ("db-0", EVENT_ID)
    record = decision.record
    assert (record.event_id, record.event_type, record.not_before) == (EVENT_ID, "Reboot", NOON + SECOND)
    assert (record.strategy, record.decided_by, record.expected) == (MOVE, Level.COLLECTION, SECOND)
    assert [(each.host, each.standing) for each in record.hosts] == [("db-1", Standing.CHOSEN)]


def test_a_held_occurrence_remembers_under_which_kind_of_event_it_waits() -> None:
    freeze = Threat(event_id="E", type="Freeze", status=STARTED, not_before=None, source="Platform", duration_seconds=9)
    decision = decided(at("db-0", None), db(0, freeze))
    assert isinstance(decision, Hold)
    assert (decision.traits, decision.event_id, decision.waiting_for) == ("Freeze/Platform/9", "E", "db-0")


@pytest.mark.parametrize("policy", list(HostChoice))
def test_the_reason_for_a_host_of_a_pool_is_how_it_was_chosen(policy: HostChoice) -> None:
    what = definition(placement=Placement(pool="db", choice=policy))
    assert told(decided(what, *FREE))[2] == policy.value.lower()


@pytest.mark.parametrize("spot", SPOTS)
def test_every_verdict_has_a_cause_of_its_closed_set(spot: str) -> None:
    records = [
        decision.record
        for known in (*SITUATIONS.values(), (db(0, loss=LOST),), ())
        for decision in (decided(SPOTS[spot], *known),)
        if not isinstance(decision, Queue)
    ]
    assert all(record.cause in CAUSES[record.verdict] for record in records)


@pytest.mark.parametrize(("running", "chosen"), [(0, "db-1"), (1, "db-0")])
def test_the_last_one_standing_is_the_next_one_where_the_least_urgent_has_no_room(running: int, chosen: str) -> None:
    hosts = host("db-0", NEAR, pools=("db",)), host("db-1", FAR, pools=("db",), capacity=1)
    decision = decided(definition(pool="db", maintenance=LAST), *hosts, load={"db-1": running})
    assert told(decision)[1:] == (chosen, "least_urgent")
