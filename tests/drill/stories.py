"""The whole story of an occurrence whose promise was broken, in order, to be understood by people."""

from collections.abc import Iterator

from tests.drill.records import Evidence, Request, Row, Violation
from tests.drill.windows import Windows

_AROUND = 4.0
"""Seconds around a violation in which the rest of its job is told, too."""
_BEFORE = 10.0
_TEXT = 90
_SAME = 0.001

Line = tuple[float, str]


def story(evidence: Evidence, violation: Violation) -> str:
    """Return requests, rows, calls, events and faults around a violation; times from the drill's first instant."""
    zero = min((job.first for job in evidence.jobs), default=0.0)
    job = next((job for job in evidence.jobs if job.name == violation.job), None)
    lines = [(violation.at, f"!! {violation.wrong}: {violation.said}")]
    for part in (_requests, _rows, _acts, _events, _faults):
        lines += part(evidence, violation, zero)
    told = "\n".join(f"  {at - zero:8.3f}  {said}" for at, said in sorted(lines))
    return f"{violation.occurrence or '(no occurrence)'} of {job}\n{told}"


def _requests(evidence: Evidence, violation: Violation, zero: float) -> Iterator[Line]:
    for each in evidence.requests:
        if _concerns(violation, each, each.arrived):
            said = f"request {each.occurrence[:8]} attempt {each.attempt} {each.action} due {each.scheduled - zero:.3f}"
            yield each.arrived, f"{said}, {each.ending} {each.status} at {each.ended - zero:.3f} {each.host}"


def _rows(evidence: Evidence, violation: Violation, zero: float) -> Iterator[Line]:
    for each in evidence.rows:
        if _concerns(violation, each, each.started):
            said = f"row {each.occurrence[:8]} attempt {each.attempt} {each.action} {each.status}"
            why = f"{each.reason} {each.message[:_TEXT]!r}"
            yield each.started, f"{said} due {each.scheduled - zero:.3f}, until {each.ended - zero:.3f} {why}"


def _acts(evidence: Evidence, violation: Violation, zero: float) -> Iterator[Line]:
    for each in evidence.acts:
        if each.job == violation.job:
            yield each.called, f"{each.verb} until {each.done - zero:.3f} {each.occurrence[:8]}"


def _events(evidence: Evidence, violation: Violation, zero: float) -> Iterator[Line]:
    for each in evidence.maintenances:
        if abs(each.began - violation.at) < _BEFORE:
            yield each.began, f"event on {each.host} until {each.ended - zero:.3f}"


def _faults(evidence: Evidence, violation: Violation, zero: float) -> Iterator[Line]:
    for each in Windows(evidence).near(violation.at - _BEFORE, violation.at):
        yield each.began, f"fault {each.kind} of {each.replica} until {each.ended - zero:.3f}"


def _concerns(violation: Violation, item: Request | Row, at: float) -> bool:
    same = item.occurrence == violation.occurrence or abs(item.scheduled - violation.at) < _SAME
    return item.job == violation.job and (same or abs(at - violation.at) < _AROUND)
