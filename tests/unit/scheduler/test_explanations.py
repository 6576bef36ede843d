"""Every decision there can be is told in a sentence, and those that matter most read well."""

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

from services.scheduler.domain.decisions import CAUSES, Cause, DecisionRecord, Verdict, missed_for, skipped_for
from services.scheduler.domain.executions import HistoryRow, HistoryStatus, unrun_row
from services.scheduler.domain.explanations import SENTENCES, decision_of, explain, statuses_of
from services.scheduler.domain.hosts import MANUAL, HostView
from services.scheduler.domain.placement import Hold, Run, decide
from services.scheduler.domain.policies import Level, Maintenance, MaintenanceRule, Strategy
from services.scheduler.domain.threats import Case
from tests.parts.builders import NOON, by_hand, case, definition, fleet, host, occurrence, threat
from tests.parts.reference import DOCS

PAIRS = [(verdict, cause) for verdict, causes in CAUSES.items() for cause in causes]


def no_load(_host: str) -> tuple[int, float]:
    return 0, 0.0


def row(record: DecisionRecord | None, status: HistoryStatus = HistoryStatus.COMPLETED, **more: object) -> HistoryRow:
    return replace(unrun_row(occurrence(), status, "", NOON), decision=record, **more)


def of_decision(of: Case, *hosts: HostView) -> HistoryRow:
    """Return the row that the decision about an occurrence leads to."""
    decision = decide(of, fleet(*hosts), no_load)
    if isinstance(decision, Hold):
        return row(decision.record, HistoryStatus.POSTPONED, host=decision.waiting_for, reason=decision.reason)
    assert isinstance(decision, Run)
    name = decision.host.name if decision.host else None
    return row(decision.record, host=name, reason=decision.reason)


def test_every_pair_has_a_sentence_and_no_sentence_is_of_any_other() -> None:
    assert set(SENTENCES) == set(PAIRS)


@pytest.mark.parametrize(("verdict", "cause"), PAIRS)
def test_a_sentence_is_whole_whatever_is_known(verdict: Verdict, cause: Cause) -> None:
    bare = DecisionRecord(verdict=verdict, cause=cause)
    full = replace(bare, away_from="db-0", event_type="Reboot", not_before=NOON, decided_by=Level.FLEET)
    for record, host_name, reason in ((bare, None, ""), (full, "db-1", "Reboot of db-0 is announced")):
        told = explain(row(record, host=host_name, reason=reason))
        assert re.fullmatch(r"It [^{}]+\.", told)
        assert "None" not in told


def test_a_hold_a_move_and_a_run_at_home_tell_hosts_events_and_times() -> None:
    hit = host("db-0", threat("db-0", notice=timedelta(minutes=15)), pools=("db",))
    free = host("db-1", pools=("db",))
    due = "Reboot of db-0 is due at 2026-03-02 12:15:00 UTC"
    assert explain(of_decision(case(definition(host="db-0")), hit)) == f"It was held for db-0: {due}."
    moved = of_decision(case(definition(host="db-0", pool="db")), hit, free)
    assert explain(moved) == f"It ran on db-1 and not on db-0: {due}."
    assert explain(of_decision(case(definition(host="db-1")), free)) == "It ran on db-1: that is the host it is for."
    assert explain(of_decision(case(definition()))) == "It ran: no known host serves it."


def test_a_rehearsal_is_never_told_as_the_real_thing() -> None:
    hit = host("db-0", replace(threat("db-0", notice=timedelta(minutes=15)), event_id="REHEARSAL-1"))
    told = explain(of_decision(case(definition(host="db-0")), hit))
    assert told == "It was held for db-0: rehearsed Reboot of db-0 is due at 2026-03-02 12:15:00 UTC."
    ignoring = definition(host="db-0", maintenance=Maintenance(rule=MaintenanceRule(strategy=Strategy.IGNORE)))
    assert "in spite of rehearsed Reboot due at" in explain(of_decision(case(ignoring), hit))


def test_a_cordon_is_told_with_the_operators_reason() -> None:
    cordoned = host("db-0", by_hand())
    told = explain(of_decision(case(definition(host="db-0")), cordoned))
    assert told == "It was held for db-0, cordoned by hand."


def test_what_is_ignored_says_by_whose_policy() -> None:
    hit = host("db-0", threat("db-0", notice=timedelta(minutes=15)))
    ignoring = Maintenance(rule=MaintenanceRule(strategy=Strategy.IGNORE))
    told = explain(of_decision(case(definition(host="db-0"), fleet=ignoring), hit))
    assert told == "It ran on db-0, in spite of Reboot due at 2026-03-02 12:15:00 UTC: the fleet ignores it."


def test_a_run_after_a_hold_says_so() -> None:
    home = DecisionRecord(verdict=Verdict.RAN, cause=Cause.HOME, held_for="db-0", held_under="Reboot")
    assert explain(row(home, host="DB-0")) == (
        "It ran on DB-0 after having been held for it (Reboot): that is the host it is for."
    )
    spread = DecisionRecord(verdict=Verdict.RAN, cause=Cause.SPREAD, held_for="db", held_under=MANUAL)
    assert explain(row(spread, host="db-1")).startswith("It ran on db-1 after having been held for db (a cordon): ")


def test_what_is_stored_without_a_record_shows_what_it_was() -> None:
    unplaced = decision_of(row(None))
    assert (unplaced.verdict, unplaced.cause) == (Verdict.RAN, Cause.UNPLACED)
    for status in HistoryStatus:
        verdict = decision_of(row(None, status)).verdict
        assert status in statuses_of(verdict)
    assert explain(row(None, HistoryStatus.POSTPONED, reason="db-0: reboot")) == "It was held, db-0: reboot."
    assert explain(row(None, host="db-0")) == "It ran, the reason was not kept."


def test_what_does_not_run_tells_why() -> None:
    skipped = unrun_row(occurrence(), HistoryStatus.SKIPPED, "the job is disabled", NOON, skipped_for(Cause.DISABLED))
    assert explain(skipped) == "It was skipped: the job is disabled."
    broken = unrun_row(occurrence(), HistoryStatus.MISSED, "it is broken", NOON, missed_for(Cause.NOT_PLANNABLE))
    assert explain(broken) == "It was missed: it is broken."


def test_the_documentation_names_every_cause_with_its_decision() -> None:
    lines = (DOCS / "rest.md").read_text().splitlines()
    for verdict, causes in CAUSES.items():
        [line] = [line for line in lines if line.startswith(f"| `{verdict}` |")]
        said = re.findall(r"`([a-z_]+)`(?![^(]*\))", line.rpartition(" | ")[2])
        assert set(said) == set(causes), verdict
