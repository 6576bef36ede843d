"""How findings are told: a page for people, one document for programs."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import click
import msgspec

from services.operations.doctor.findings import Finding, Result
from services.operations.doctor.patient import Role
from shared.about import product_version

_COLOURS = (
    (Result.OK, "green"),
    (Result.WARNING, "yellow"),
    (Result.FAILED, "red"),
    (Result.NOT_CHECKED, "bright_black"),
)
_WIDTH = max(len(result) for result in Result)


def worst(findings: Iterable[Finding]) -> Result:
    """Return failed, warning or ok for the whole."""
    results = {finding.result for finding in findings}
    return next((result for result in (Result.FAILED, Result.WARNING) if result in results), Result.OK)


def document(role: Role, origin: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return all of it for programs (docs/howto/doctor.md)."""
    return {
        "version": product_version(),
        "role": role.value,
        "settingsFrom": origin,
        "result": worst(findings).value,
        "findings": [msgspec.to_builtins(finding) for finding in findings],
    }


def show(findings: Sequence[Finding]) -> None:
    """Print it for people."""
    for part, its in groupby(findings, lambda finding: finding.part):
        click.echo(click.style(str(part), bold=True))
        for finding in its:
            for line in _lines(finding):
                click.echo(line)
    click.echo(_summary(findings))


def _lines(finding: Finding) -> Iterator[str]:
    word = click.style(finding.result.ljust(_WIDTH), fg=dict(_COLOURS)[finding.result])
    first, *more = finding.message.splitlines() or [""]
    yield f"  {word}  {finding.check}: {first}"
    yield from (f"  {'':{_WIDTH}}  {line}" for line in more)
    if finding.remedy:
        yield f"  {'':{_WIDTH}}  → {finding.remedy}"


def _summary(findings: Sequence[Finding]) -> str:
    results = [finding.result for finding in findings]
    counted = {result: results.count(result) for result, _ in _COLOURS}
    words = (
        f"{count} {result}{'s' if result is Result.WARNING and count > 1 else ''}"
        for result, count in counted.items()
        if count
    )
    return f"{', '.join(words)}."
