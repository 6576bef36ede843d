"""Where an occurrence runs, or why it waits."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.domain.choosing import Load
from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.hosts import STARTED, FleetView, HostView, Loss
from services.scheduler.domain.jobs import JobDefinition
from services.scheduler.domain.placement import Decision, Hold, Run, decide, home_of
from services.scheduler.domain.policies import InFlight, Maintenance, MaintenanceRule, Strategy
from services.scheduler.domain.threats import barriers
from shared.topics import HostKey
from tests.parts.builders import NOON, by_hand, case, definition, fleet, host, threat

SOON = timedelta(minutes=5)


def idle(_: HostKey) -> tuple[int, float]:
    return 0, 0.0


def placed(what: JobDefinition, known: FleetView, load: Load = idle, now: datetime = NOON) -> Decision:
    return decide(case(what, now), known, load)


def rule(**choices: object) -> Maintenance:
    return Maintenance(rule=MaintenanceRule(**choices))  # type: ignore[arg-type]


def where(decision: object) -> str | None:
    assert isinstance(decision, Run)
    return decision.host.name if decision.host is not None else None


def test_a_job_that_names_no_known_host_runs_unplaced() -> None:
    assert placed(definition("http://elsewhere.test/"), fleet(host("db-0")), idle, NOON) == Run(
        record=DecisionRecord(verdict=Verdict.RAN, cause=Cause.UNPLACED)
    )


def test_a_job_aimed_at_a_vm_by_name_computer_name_or_address_is_protected_without_a_change() -> None:
    known = fleet(host("db-0", threat("db-0"), computer_name="DBHOST00000D", addresses=("10.0.0.4",)))
    for uri in ("http://DB-0/x", "http://dbhost00000d:8080/", "https://10.0.0.4/"):
        assert home_of(definition(uri), known) == known[HostKey("db-0")]
        assert isinstance(placed(definition(uri), known, idle, NOON), Hold)


def test_a_pinned_job_moves_within_its_pool_when_its_host_is_threatened() -> None:
    known = fleet(host("db-0", threat("db-0"), pools=("db",)), host("db-1", pools=("db",)))
    decision = placed(definition(host="db-0", pool="db"), known, idle, NOON)
    assert where(decision) == "db-1"
    assert isinstance(decision, Run)
    assert decision.away_from == "db-0"


def test_a_pinned_job_without_a_pool_is_held() -> None:
    known = fleet(host("db-0", threat("db-0"), pools=("db",)), host("db-1", pools=("db",)))
    decision = placed(definition(host="DB-0"), known, idle, NOON)
    assert isinstance(decision, Hold)
    assert decision.waiting_for == "db-0"


def test_a_pool_job_is_held_when_every_member_is_threatened() -> None:
    hit = threat("db-0", "db-1")
    known = fleet(host("db-0", hit, pools=("db",)), host("db-1", hit, pools=("db",)))
    decision = placed(definition(pool="db"), known, idle, NOON)
    assert isinstance(decision, Hold)
    assert decision.waiting_for == "db"


def test_a_pool_job_runs_on_the_least_busy_member() -> None:
    known = fleet(host("db-0", pools=("db",)), host("db-1", pools=("db",)))
    busy = {"db-0": (2, 0.0), "db-1": (1, 9.0)}
    assert where(placed(definition(pool="db"), known, lambda key: busy[key], NOON)) == "db-1"


def test_hosts_of_the_same_fault_domain_are_chosen_last() -> None:
    known = fleet(
        host("db-0", threat("db-0"), pools=("db",), fault_domain="0"),
        host("db-1", pools=("db",), fault_domain="0"),
        host("db-2", pools=("db",), fault_domain="1"),
    )
    assert where(placed(definition(host="db-0", pool="db"), known, idle, NOON)) == "db-2"


def test_a_job_that_ignores_events_runs_where_it_always_does() -> None:
    known = fleet(host("db-0", threat("db-0", status=STARTED), pools=("db",)))
    assert (
        where(placed(definition(host="db-0", maintenance=rule(strategy=Strategy.IGNORE)), known, idle, NOON)) == "db-0"
    )


def test_a_rule_by_event_type_overrides_the_jobs_own() -> None:
    by_type = Maintenance(by_type={"freeze": MaintenanceRule(strategy=Strategy.IGNORE)})
    what = definition(host="db-0", maintenance=by_type)
    assert where(placed(what, fleet(host("db-0", threat("db-0", kind="Freeze"))), idle, NOON)) == "db-0"
    assert isinstance(placed(what, fleet(host("db-0", threat("db-0", kind="Reboot"))), idle, NOON), Hold)


def test_with_a_lead_time_jobs_start_until_it_has_come() -> None:
    what = definition(host="db-0", maintenance=rule(lead_time=timedelta(minutes=2)))
    known = fleet(host("db-0", threat("db-0", notice=SOON)))
    assert where(placed(what, known, idle, NOON)) == "db-0"
    assert isinstance(placed(what, known, idle, NOON + timedelta(minutes=3)), Hold)


def test_a_deadline_that_shrinks_is_obeyed_at_once() -> None:
    what = definition(host="db-0", maintenance=rule(lead_time=timedelta(minutes=2)))
    assert isinstance(placed(what, fleet(host("db-0", threat("db-0", notice=timedelta(minutes=1)))), idle, NOON), Hold)


def test_a_started_event_is_past_every_lead_time() -> None:
    what = definition(host="db-0", maintenance=rule(lead_time=timedelta(0)))
    assert isinstance(placed(what, fleet(host("db-0", threat("db-0", status=STARTED))), idle, NOON), Hold)


def test_a_cordon_by_hand_holds_like_an_event() -> None:
    decision = placed(definition(host="db-0"), fleet(host("db-0", by_hand())), idle, NOON)
    assert isinstance(decision, Hold)
    assert "cordoned by hand" in decision.reason


def test_one_event_that_wants_jobs_held_is_not_outvoted_by_another() -> None:
    what = definition(
        host="db-0", pool="db", maintenance=Maintenance(by_type={"preempt": MaintenanceRule(strategy=Strategy.HOLD)})
    )
    known = fleet(
        host("db-0", threat("db-0"), threat("db-0", kind="Preempt"), pools=("db",)), host("db-1", pools=("db",))
    )
    assert isinstance(placed(what, known, idle, NOON), Hold)


def test_a_job_whose_host_nobody_has_reported_waits_for_it_by_name() -> None:
    decision = placed(definition(host="db-9"), fleet())
    assert isinstance(decision, Hold)
    assert (decision.waiting_for, decision.reason) == ("db-9", "no watcher has reported db-9 yet")


def test_a_job_whose_pool_has_lost_every_host_is_told_so() -> None:
    gone = fleet(host("db-0", pools=("db",), loss=Loss(event_id="E1", type="Preempt", at=NOON)))
    decisions = [placed(definition(pool="db"), gone), placed(definition(host="db-0", pool="db"), gone)]
    assert [decision.reason for decision in decisions if isinstance(decision, Hold)] == [
        "every host of db is lost, and no watcher has reported another",
        "db-0 is not coming back: its Preempt was over at 2026-03-02 12:00:00 UTC, and no watcher has reported another",
    ]


THREATS = st.lists(
    st.builds(
        threat,
        st.just("db-0"),
        status=st.sampled_from(["Scheduled", "Started"]),
        kind=st.sampled_from(["Freeze", "Reboot", "Preempt", "SomethingNew"]),
        notice=st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(hours=1))),
    ),
    max_size=2,
)
RULES = st.builds(
    MaintenanceRule,
    strategy=st.one_of(st.none(), st.sampled_from(Strategy)),
    lead_time=st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(hours=1))),
    in_flight=st.one_of(st.none(), st.sampled_from(InFlight)),
)


@given(
    threats=st.tuples(THREATS, THREATS, THREATS),
    rules=st.builds(Maintenance, rule=RULES, by_type=st.dictionaries(st.sampled_from(["freeze", "reboot"]), RULES)),
    spot=st.sampled_from([("db-0", None), (None, "db"), ("db-0", "db")]),
)
def test_nothing_ever_starts_on_a_host_that_its_rules_keep_it_off(threats, rules, spot) -> None:  # type: ignore[no-untyped-def]
    known = fleet(*(host(f"db-{number}", *hit, pools=("db",)) for number, hit in enumerate(threats)))
    what = definition(host=spot[0], pool=spot[1], maintenance=rules)
    match placed(what, known, idle, NOON):
        case Run(host=HostView() as chosen):
            assert not barriers(case(what), chosen)
        case Hold(event_id=cause):
            assert cause is not None
            assert all(barriers(case(what), each) for each in known.values() if spot[0] is None)
