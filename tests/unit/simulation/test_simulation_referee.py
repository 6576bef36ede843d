"""The simulation's referee and ledger see what should never happen."""

from datetime import timedelta

from services.scheduler.domain.decisions import Cause, DecisionRecord, Verdict
from services.scheduler.domain.executions import OccurrenceId
from services.scheduler.domain.jobs import JobId
from services.scheduler.domain.placement import Run
from services.scheduler.domain.policies import AUTO, Maintenance, MaintenanceRule, Strategy
from services.scheduler.domain.threats import Case
from shared.topics import HostKey
from tests.parts.builders import EVENT_ID, NOON, case, claim, definition, event, host
from tests.simulation.agenda import Agenda
from tests.simulation.executions import Execution, Executions
from tests.simulation.ledger import Ledger
from tests.simulation.machines import Machines
from tests.simulation.referee import Referee
from tests.simulation.workload import workload
from tests.simulation.world import BEGIN, Size, hosts_of

DB = HostKey("db-0")
ONE = OccurrenceId("one")
NOTHING = DecisionRecord(verdict=Verdict.RAN, cause=Cause.HOME)


def faults_of_a_start(*, notice: float = 900.0, **more: object) -> int:
    """Let a job start on a host whose event is published, and return what the referee finds."""
    ledger = Ledger()
    referee = Referee(ledger)
    referee.see([DB], [event("db-0", notice=timedelta(seconds=notice))])
    referee.check_start(case_of(**more), DB)
    return ledger.tally.faults


def case_of(**rule: object) -> Case:
    own = Maintenance(rule=MaintenanceRule(**rule))  # type: ignore[arg-type]
    return case(definition(maintenance=own), expected=timedelta(minutes=1))


def test_a_start_on_a_host_that_an_event_names_is_a_fault() -> None:
    assert faults_of_a_start() == 1


def test_a_start_of_a_job_that_ignores_events_is_none() -> None:
    assert faults_of_a_start(strategy=Strategy.IGNORE) == 0


def test_a_start_with_a_lead_time_is_none_while_there_is_time_left() -> None:
    assert faults_of_a_start(lead_time=AUTO) == 0
    assert faults_of_a_start(lead_time=AUTO, notice=59.0) == 1


def approved_while_running(**rule: object) -> int:
    """Let an event be approved while a job runs on its host, and return what the referee finds."""
    ledger, agenda = Ledger(), Agenda(NOON)
    executions = Executions(agenda, Machines(agenda, [DB]))
    running = Execution(claim(), Run(host=host("db-0"), record=NOTHING), case_of(**rule), fragile=False)
    executions.start(running, 60.0)
    referee = Referee(ledger)
    referee.see([DB], [event("db-0")])
    referee.check_approval(EVENT_ID, executions, NOON)
    return ledger.tally.faults


def test_an_approval_before_the_host_is_drained_is_a_fault() -> None:
    assert approved_while_running() == 1
    assert approved_while_running(strategy=Strategy.IGNORE) == 0


def test_an_occurrence_that_ends_twice_is_a_fault() -> None:
    ledger = Ledger()
    ledger.due(ONE, JobId(1), NOON)
    ledger.over(ONE, "done", NOON)
    assert ledger.tally.faults == 0
    ledger.over(ONE, "done", NOON)
    assert ledger.tally.faults == 1


def test_an_occurrence_that_runs_twice_at_a_time_is_a_fault() -> None:
    ledger = Ledger()
    ledger.due(ONE, JobId(1), NOON)
    for _ in range(2):
        ledger.begun(ONE, reached=True)
    assert "starts though it runs" in ledger.tally.told[0]


def test_an_instant_that_comes_twice_is_a_fault() -> None:
    ledger = Ledger()
    for name in ("one", "two"):
        ledger.due(OccurrenceId(name), JobId(1), NOON)
    assert ledger.tally.faults == 1


def test_what_was_never_planned_or_never_ends_is_a_fault() -> None:
    ledger, size = Ledger(), Size(groups=1, hosts=2, jobs=3)
    work, end = workload(hosts_of(size, 1), size, 1), BEGIN + timedelta(days=2)
    ledger.due(ONE, JobId(1), NOON)
    Referee(ledger).check_accounts(work, end)
    assert [fault.split()[0] for fault in ledger.tally.told] == ["job-1", "job-2", "job-3", "1"]
