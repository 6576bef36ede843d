"""What a run of drills says: one line a configuration, for people and for docs/reliability.md."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from tests.drill.checker import Verdict
from tests.drill.drill import Drill
from tests.drill.records import Evidence, Wrong
from tests.drill.windows import POLL

_HEAD = (
    "configuration",
    "seeds",
    "faults",
    "due",
    "requests",
    "lost",
    "late",
    "early, unplanned",
    "sent twice or stale",
    "repeats / in flight",
    "while held, disabled, deleted",
    "other",
    "worst recovery",
    "verdict",
)
_NAMED = (
    (Wrong.LOST,),
    (Wrong.LATE,),
    (Wrong.EARLY, Wrong.UNPLANNED),
    (Wrong.DUPLICATE, Wrong.STALE),
    (Wrong.WHILE_HELD, Wrong.WHILE_DISABLED, Wrong.WHILE_DELETED),
)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One drill with what it left and what the judge says."""

    drill: Drill
    evidence: Evidence
    verdict: Verdict

    @property
    def holds(self) -> bool:
        """Whether every promise was kept, R4's floor included (lease + poll + 2 s)."""
        return not self.verdict.violations and self.verdict.recovery <= self.drill.lease + POLL + 2.0


def table(results: Sequence[Result]) -> str:
    """Return the Markdown table: one line a configuration."""
    names = list(dict.fromkeys(result.drill.configuration.name for result in results))
    rows = [_HEAD, ("---",) * len(_HEAD)]
    rows += [_row(name, [each for each in results if each.drill.configuration.name == name]) for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(name: str, results: Sequence[Result]) -> tuple[str, ...]:
    verdicts = [result.verdict for result in results]
    named = [sum(verdict.count(*wrongs) for verdict in verdicts) for wrongs in _NAMED]
    others = sum(len(verdict.violations) for verdict in verdicts) - sum(named)
    lost, late, early, twice, banned = (f"{count:,}" for count in named)
    repeats, in_flight = sum(each.repeats for each in verdicts), sum(each.in_flight for each in verdicts)
    return (
        name,
        f"{len(results)}",
        f"{sum(len(result.evidence.faults) for result in results)}",
        f"{sum(verdict.due for verdict in verdicts):,}",
        f"{sum(verdict.requests for verdict in verdicts):,}",
        lost,
        late,
        early,
        twice,
        f"{repeats:,} / {in_flight:,}",
        banned,
        f"{others:,}",
        f"{max(verdict.recovery for verdict in verdicts):.1f} s",
        "holds" if all(result.holds for result in results) else "**broken**",
    )


BEGIN, END = "<!-- make drill -->", "<!-- end -->"


def document(text: str, results: Sequence[Result], setting: str) -> str:
    """Return the document with the run's table between its marks."""
    before, found, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise ValueError(f"the document lacks the marks {BEGIN!r} and {END!r}")
    taken = f"{datetime.now(UTC):%Y-%m-%d}; {setting}."
    return f"{before}{BEGIN}\n{taken}\n\n{table(results)}\n{END}{after}"
