"""What the doctor found, for tests: by part and check."""

from collections.abc import Awaitable, Callable, Iterable

from services.operations.doctor.findings import Finding, Notes, Part, Result


async def findings_of(examine: Callable[[Notes], Awaitable[None]], part: Part = Part.BROKER) -> list[Finding]:
    """Return what an examination notes."""
    notes = Notes(part)
    await examine(notes)
    return notes.findings


def results(findings: Iterable[Finding]) -> dict[str, Result]:
    """Return the result of each check, the last one where there are several."""
    return {finding.check: finding.result for finding in findings}


def failed(findings: Iterable[Finding]) -> Finding:
    """Return the only failure."""
    [one] = [finding for finding in findings if finding.result is Result.FAILED]
    return one


def troubles(findings: Iterable[Finding]) -> list[str]:
    """Return all messages of failures and warnings."""
    return [each.message for each in findings if each.result in (Result.FAILED, Result.WARNING)]
