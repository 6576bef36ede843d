"""Due instants, judged: each has a run of its own inside its window, or a row that says truly why not."""

from collections.abc import Iterator

from tests.drill.cases import Case
from tests.drill.records import Overlap, Request, Row, Status, Violation, Wrong
from tests.drill.windows import DOUBT, LATE, SETTLING, Span, idle

GRACE = 30.0
"""What is due longer ago than this is missed, and `catchUp` decides (lifecycle.md)."""
_IDLE = 0.05
"""A gap this short between two reasons to wait is none."""
_SLACK = 0.5
"""Between what a target notes and what a row says of one moment."""
_END = frozenset({Status.COMPLETED, Status.FAILED, Status.SKIPPED, Status.MISSED})


def expected(case: Case) -> Iterator[float]:
    """Yield the due instants that must be accounted for: not those of a job that stayed disabled, or was deleted."""
    disabled = case.windows.disabled(case.job.name, surely=False)
    closed = next((span.began for span in disabled if span.ended == float("inf")), float("inf"))
    deleted = case.windows.deleted(case.job.name)
    gone = float("inf") if deleted is None else case.known_until
    for due in case.dues():
        if case.windows.deadline(due) < min(closed, gone):
            yield due


def accounted(case: Case) -> Iterator[Violation]:
    """No due instant and no promised run is lost."""
    ended: dict[float, list[Row]] = {}
    for row in case.rows:
        if row.status in _END and row.occurrence not in case.runs:
            ended.setdefault(round(row.scheduled, 3), []).append(row)
    for due in expected(case):
        if round(due, 3) not in ended and not _runs_later_than_known(case, due):
            yield case.wrong(Wrong.LOST, due, "no run and no row says why")
    for occurrence, act in case.runs.items():
        known = any(row.status in _END for row in case.rows_of(occurrence))
        if not known and act.done + LATE < case.known_until and case.windows.deleted(case.job.name) is None:
            yield case.wrong(Wrong.LOST, act.done, "a run that was promised", occurrence)


def _is_taken_back(case: Case, row: Row) -> bool:
    """Whether a row says that the job was disabled: what was never sent is due again once it is enabled."""
    if row.status is not Status.SKIPPED or "disabled" not in row.reason or row.attempt > 1:
        return False
    spans = case.windows.disabled(case.job.name, surely=False)
    return any(span.ended < float("inf") and span.meets(row.started - SETTLING, row.started) for span in spans)


def _runs_later_than_known(case: Case, due: float) -> bool:
    """Whether it may end after the rows of a deleted job were read."""
    if case.windows.deleted(case.job.name) is None:
        return False
    started = any(request.scheduled == due for request in case.requests)
    return started or case.job.overlap is not Overlap.ALLOW


def punctual(case: Case) -> Iterator[Violation]:
    """What runs starts within its window; a job that takes turns may be late while others of its own are under way."""
    for due in case.dues():
        firsts = [
            each for each in case.requests if round(each.scheduled - due, 3) == 0 and each.occurrence not in case.runs
        ]
        if firsts and firsts[0].arrived > (deadline := case.windows.deadline(due)):
            waited = idle(_excuses(case, firsts[0].occurrence), deadline, firsts[0].arrived)
            if waited > _IDLE:
                said = f"{firsts[0].arrived - due:.1f} s after its instant, {waited:.1f} s of them for nothing"
                yield case.wrong(Wrong.LATE, firsts[0].arrived, said, firsts[0].occurrence)


def _excuses(case: Case, occurrence: str) -> list[Span]:
    """Return the spans in which an occurrence had to wait: disabled, held, or its job's turn had not come."""
    waits = [*case.windows.disabled(case.job.name, surely=False), *case.windows.held(case.job)]
    if case.job.overlap is not Overlap.ALLOW:
        waits += [Span(turn.began - LATE, turn.ended) for turn in case.busy(apart_from=occurrence)]
    return [Span(wait.began, case.windows.deadline(wait.ended) + LATE) for wait in waits]


def ended_once(case: Case) -> Iterator[Violation]:
    """An occurrence succeeds once, and is not skipped or missed as well."""
    for occurrence in case.occurrences:
        ends = [row for row in case.rows_of(occurrence) if row.status in _END and not _is_taken_back(case, row)]
        unrun = [row for row in ends if row.status in (Status.SKIPPED, Status.MISSED)]
        done = [row for row in ends if row.status is Status.COMPLETED]
        if len(done) > 1 or len(unrun) > 1 or (unrun and done):
            said = ", ".join(f"{row.status} {row.reason}".strip() for row in ends)
            yield case.wrong(Wrong.TWICE_ENDED, ends[-1].started, said, occurrence)


def true_reasons(case: Case) -> Iterator[Violation]:
    """A row that says why nothing ran says what was so at that time."""
    for row in case.rows:
        if row.status in (Status.SKIPPED, Status.MISSED) and not _is_true(case, row):
            said = f"{row.status} at {row.started:.1f}: {row.reason}"
            yield case.wrong(Wrong.UNTRUE, row.started, said, row.occurrence)


def _is_true(case: Case, row: Row) -> bool:
    if "disabled" in row.reason:
        spans = case.windows.disabled(case.job.name, surely=False)
        return any(span.meets(row.started - SETTLING, row.started) for span in spans)
    if row.status is Status.MISSED:
        return case.job.catch_up != "RunAll" and row.started - row.scheduled >= GRACE - _SLACK
    if row.reason in ("coalesced", "skipped at release"):
        return any(each.status is Status.POSTPONED for each in case.rows_of(row.occurrence))
    # An occurrence that a fault left in somebody's hands keeps its job busy from its instant on.
    others = case.busy(apart_from=row.occurrence)
    doubtful = case.windows.in_doubt(row.started - LATE, row.started)
    return case.job.overlap is not Overlap.ALLOW and (
        doubtful
        or any(span.meets(row.started - _SLACK, row.started + _SLACK) for span in others)
        or any(_is_unwritten(request, row) for request in case.requests)
    )


def _is_unwritten(request: Request, row: Row) -> bool:
    """Whether another occurrence had run, but its outcome may not have been in the store, which others ask."""
    others = request.occurrence != row.occurrence and request.arrived <= row.started
    return others and request.ended + DOUBT >= row.scheduled
