"""What targets saw, judged: order of attempts, identity, permission to run, and the rows that must speak of it."""

from collections.abc import Iterator
from itertools import pairwise

from tests.drill.cases import Case
from tests.drill.records import RAN, Ending, FaultKind, Overlap, Request, Row, Status, Verb, Violation, Wrong
from tests.drill.windows import DOUBT, SETTLING

EARLY = 0.02
"""Seconds before its instant that a start is still on time: clocks are read to the millisecond, twice."""
TOUCH = 0.1
"""Two requests overlap when they are open together longer than this."""


def attempts_rise(case: Case) -> Iterator[Violation]:
    """Each request of an occurrence carries a higher attempt than all before it."""
    for occurrence in case.occurrences:
        highest = 0
        for request in case.requests_of(occurrence):
            if request.attempt == highest:
                yield case.wrong(Wrong.DUPLICATE, request.arrived, f"attempt {highest} came again", occurrence)
            elif request.attempt < highest:
                said = f"attempt {request.attempt} came after attempt {highest}"
                yield case.wrong(Wrong.STALE, request.arrived, said, occurrence)
            highest = max(highest, request.attempt)


def one_id_per_instant(case: Case) -> Iterator[Violation]:
    """An instant has one occurrence id, and an occurrence one instant."""
    ids: dict[float, str] = {}
    for request in case.requests:
        if (
            request.occurrence not in case.runs
            and ids.setdefault(request.scheduled, request.occurrence) != request.occurrence
        ):
            yield case.wrong(
                Wrong.OTHER_ID, request.arrived, f"before it was {ids[request.scheduled]}", request.occurrence
            )


def planned(case: Case) -> Iterator[Violation]:
    """Only due instants and runs asked for are sent, and none early."""
    dues = {round(due, 3) for due in case.dues()}
    for request in case.requests:
        asked = case.runs.get(request.occurrence)
        if asked is None and round(request.scheduled, 3) not in dues:
            yield case.wrong(Wrong.UNPLANNED, request.arrived, "no such due instant", request.occurrence)
        earliest = request.scheduled if asked is None else asked.called
        if request.arrived < earliest - EARLY:
            said = f"{earliest - request.arrived:.3f} s early"
            yield case.wrong(Wrong.EARLY, request.arrived, said, request.occurrence)


def permitted(case: Case) -> Iterator[Violation]:
    """Nothing starts on a threatened host, of a disabled job (unless asked for) or of a deleted one."""
    deleted = case.windows.deleted(case.job.name)
    disabled = case.windows.disabled(case.job.name, surely=True)
    for request in case.requests:
        at = request.arrived
        if deleted is not None and at > deleted.done + SETTLING:
            yield case.wrong(Wrong.WHILE_DELETED, at, f"{at - deleted.done:.1f} s after", request.occurrence)
        if request.occurrence in case.runs:
            continue
        for span in disabled:
            if span.began + SETTLING < at < span.ended:
                said = f"{at - span.began:.1f} s after it was disabled"
                yield case.wrong(Wrong.WHILE_DISABLED, at, said, request.occurrence)


def hosts_respected(case: Case) -> Iterator[Violation]:
    """Nothing starts on a threatened host, as long as the news of the threat could arrive."""
    for request in case.requests:
        for span in case.windows.threatened(request.host):
            unheard = case.windows.during(span.began, request.arrived, FaultKind.BROKER_LOST, margin=2.0)
            if span.began < request.arrived < span.ended and not unheard:
                said = f"on {request.host}, {request.arrived - span.began:.1f} s after the news"
                yield case.wrong(Wrong.WHILE_HELD, request.arrived, said, request.occurrence)


def up_to_date(case: Case) -> Iterator[Violation]:
    """After a PATCH the job runs as patched."""
    for request in case.requests:
        for act in case.windows.acts(case.job.name, Verb.PATCH):
            if request.arrived > act.done + SETTLING and request.version < act.version:
                said = f"edition {request.version}, {request.arrived - act.done:.1f} s after {act.version} was made"
                yield case.wrong(Wrong.OUTDATED, request.arrived, said, request.occurrence)


def no_overlap(case: Case) -> Iterator[Violation]:
    """Unless overlap is allowed a planned occurrence starts only when no other of its job runs."""
    if case.job.overlap is Overlap.ALLOW:
        return
    for request in (each for each in case.requests if each.attempt == 1 and each.occurrence not in case.runs):
        for other in case.requests:
            if other.occurrence != request.occurrence and _collide(case, other, request):
                yield case.wrong(Wrong.OVERLAPPED, request.arrived, f"{other.occurrence} was open", request.occurrence)


def _collide(case: Case, other: Request, request: Request) -> bool:
    """Whether a request came while another was open, and whoever sent it could know (reliability.md, limits)."""
    together = other.arrived + TOUCH < request.arrived < other.ended - TOUCH
    unseen = other.occurrence in case.runs and request.arrived - other.arrived < SETTLING
    return together and not unseen and not case.windows.in_doubt(other.arrived, request.arrived)


def repeats_have_causes(case: Case) -> Iterator[Violation]:
    """A request repeated without an outcome of the one before it needs a fault that hid that outcome."""
    for before, after in crash_repeats(case):
        if not case.windows.in_doubt(before.arrived, max(before.ended, after.arrived)):
            said = f"attempt {before.attempt} has no row, and nothing had happened"
            yield case.wrong(Wrong.CAUSELESS, after.arrived, said, after.occurrence)


def crash_repeats(case: Case) -> Iterator[tuple[Request, Request]]:
    """Yield each request that repeats one whose outcome was never written, after that one."""
    for occurrence in case.occurrences:
        written = {row.attempt for row in case.rows_of(occurrence) if row.status in RAN}
        for before, after in pairwise(case.requests_of(occurrence)):
            if before.attempt not in written and after.attempt > before.attempt:
                yield before, after


def recorded(case: Case) -> Iterator[Violation]:
    """Each request has its row, unless a fault hid its outcome."""
    rows = {(row.occurrence, row.attempt) for row in case.rows if row.status in RAN}
    for request in case.requests:
        if (request.occurrence, request.attempt) in rows or request.ended > case.known_until - DOUBT:
            continue
        if not case.windows.in_doubt(request.arrived, request.ended):
            said = f"attempt {request.attempt} was {request.ending} ({request.status})"
            yield case.wrong(Wrong.UNRECORDED, request.arrived, said, request.occurrence)


def sent(case: Case) -> Iterator[Violation]:
    """Each row of a run has its request; a success an answered one. While targets are away requests reach nobody."""
    requests = {(each.occurrence, each.attempt): each for each in case.requests}
    for row in (row for row in case.rows if row.status in RAN):
        request = requests.get((row.occurrence, row.attempt))
        answered = request is not None and request.ending is Ending.ANSWERED and request.status < 300
        if row.status is Status.COMPLETED and not answered:
            yield case.wrong(Wrong.UNSENT, row.started, f"attempt {row.attempt} succeeded", row.occurrence)
        elif request is None and not _unreachable(case, row):
            said = f"attempt {row.attempt} failed: {row.message}"
            yield case.wrong(Wrong.UNSENT, row.started, said, row.occurrence)


def _unreachable(case: Case, row: Row) -> bool:
    kinds = (FaultKind.TARGET_GONE, FaultKind.TARGET_HANGS, FaultKind.FREEZE_LONG, FaultKind.FREEZE_SHORT)
    return case.windows.during(row.started, row.ended, *kinds)
