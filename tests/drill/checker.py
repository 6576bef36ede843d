"""The judge of a drill, after Chronos: pure functions over what the run left behind (reference performance, R1-R5)."""

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from tests.drill.cases import Case, cases
from tests.drill.checks_of_instants import accounted, ended_once, expected, punctual, true_reasons
from tests.drill.checks_of_requests import (
    attempts_rise,
    crash_repeats,
    hosts_respected,
    no_overlap,
    one_id_per_instant,
    permitted,
    planned,
    recorded,
    repeats_have_causes,
    sent,
    up_to_date,
)
from tests.drill.records import MAY_REPEAT, RAN, Action, Evidence, FaultKind, Overlap, Status, Violation, Wrong
from tests.drill.windows import DOUBT, LATE, Windows

Check = Callable[[Case], Iterator[Violation]]
_AT_ONCE = 0.1
"""What a process had sent when it was killed may arrive a little later."""
_RESTLESS = (FaultKind.DATABASE_RESTART, FaultKind.CROWDED, FaultKind.DISK_FULL, FaultKind.CUT, FaultKind.HALF_OPEN)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge found. `recovery`: seconds from the last fault's end until nothing was late any more."""

    violations: tuple[Violation, ...]
    due: int
    requests: int
    repeats: int
    in_flight: int
    recovery: float

    def count(self, *wrongs: Wrong) -> int:
        """Return how many violations are of these kinds."""
        counts = Counter(violation.wrong for violation in self.violations)
        return sum(counts[wrong] for wrong in wrongs)


def judge(evidence: Evidence) -> Verdict:
    """Return the verdict on a run; the worst is found by reading `violations`."""
    files = cases(evidence)
    found = [violation for case in files for check in CHECKS for violation in check(case)]
    found += falls(evidence)
    return Verdict(
        violations=tuple(sorted(found, key=lambda violation: violation.at)),
        due=sum(len(list(expected(case))) + len(case.runs) for case in files),
        requests=len(evidence.requests),
        repeats=sum(len(list(crash_repeats(case))) for case in files),
        in_flight=sum(_in_flight(evidence, fault.began) for fault in evidence.faults if fault.kind in MAY_REPEAT),
        recovery=_recovery(evidence, files),
    )


def counters_add_up(case: Case) -> Iterator[Violation]:
    """The job's counters are the sums of its rows."""
    if case.tally is None or case.tally.executions is None:
        return
    main = [row for row in case.rows if row.action is Action.MAIN and row.status in RAN]
    failed = [row for row in main if row.status is Status.FAILED]
    last = {row.occurrence: row for row in sorted(main, key=lambda row: row.attempt)}
    # A retry that was given up; what failed for good, and whose error action was given up, has counted before.
    given_up = {row.occurrence for row in case.rows if row.status is Status.SKIPPED and row.action is Action.MAIN}
    faulted = sum(row.status is Status.FAILED for row in last.values() if row.occurrence not in given_up)
    counted = (case.tally.executions, case.tally.failures, case.tally.faulted)
    if counted != (len(main), len(failed), faulted):
        said = f"executions, failures, faulted: {counted}, by its rows {(len(main), len(failed), faulted)}"
        yield case.wrong(Wrong.MISCOUNTED, case.known_until, said)


def came_to_its_end(case: Case) -> Iterator[Violation]:
    """A job whose last instant is past is completed, a one-time job that failed faulted; a disabled one stays so."""
    if case.tally is None:
        return
    disabled = any(span.ended == float("inf") for span in case.windows.disabled(case.job.name, surely=False))
    right = {"disabled"} if disabled else {"completed"}
    if case.job.every is None:
        right |= {"completed", "faulted"}
    if case.tally.state not in right:
        yield case.wrong(Wrong.UNENDED, case.known_until, f"is {case.tally.state}")


def falls(evidence: Evidence) -> Iterator[Violation]:
    """A replica ends by itself only while its database is away."""
    windows = Windows(evidence)
    for fault in evidence.faults:
        if fault.kind is FaultKind.FELL and not windows.during(
            fault.began, fault.began, *_RESTLESS, FaultKind.MUTE, FaultKind.DEAF
        ):
            yield Violation(wrong=Wrong.FELL, job="", at=fault.began, said=f"replica {fault.replica}")


def _in_flight(evidence: Evidence, at: float) -> int:
    """Return how many calls were under way at an instant, or answered so shortly before that no row may say so."""
    return sum(each.arrived - _AT_ONCE <= at <= each.ended + DOUBT for each in evidence.requests)


def _recovery(evidence: Evidence, files: list[Case]) -> float:
    """Return how long after the last fault something that nothing else held back was still late."""
    late = [
        request.arrived
        for case in files
        if case.job.overlap is Overlap.ALLOW
        and not case.windows.held(case.job)
        and not case.windows.disabled(case.job.name, surely=False)
        for occurrence in case.occurrences
        for request in case.requests_of(occurrence)[:1]
        if request.arrived > evidence.healed and request.arrived - request.scheduled > LATE
    ]
    return max((at - evidence.healed for at in late), default=0.0)


CHECKS: tuple[Check, ...] = (
    accounted,
    punctual,
    ended_once,
    true_reasons,
    attempts_rise,
    one_id_per_instant,
    planned,
    permitted,
    hosts_respected,
    up_to_date,
    no_overlap,
    repeats_have_causes,
    recorded,
    sent,
    counters_add_up,
    came_to_its_end,
)
