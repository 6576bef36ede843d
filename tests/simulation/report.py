"""What a simulation says: a table with a column for each variant, and what it is made of; for docs/maintenance.md."""

from collections.abc import Callable, Sequence

from tests.bench.charts import Chart, Line, Panel, Scale
from tests.simulation.figures import Curve, Figures
from tests.simulation.telling import told
from tests.simulation.world import Size

BEGIN, END = "<!-- make simulate -->", "<!-- end -->"


def charts(found: Sequence[Figures]) -> list[Chart]:
    """Return the pictures of a simulation."""

    def lines(curve: Callable[[Figures], Curve]) -> list[Line]:
        return [Line(name=each.name, points=curve(each)) for each in found]

    def over_time(title: str, y: str, curve: Callable[[Figures], Curve]) -> Panel:
        return Panel(title=title, x="minutes", y=y, lines=lines(curve), x_scale=Scale.LINEAR)

    late = Panel(
        title="Done late", x="by more than, seconds", y="occurrences", lines=lines(lambda each: each.late_curve)
    )
    return [
        Chart(
            file="simulation",
            told="Occurrences failed, held and late, and hosts updated, during a rolling update of the platform",
            panels=[
                over_time("Failed so far", "occurrences", lambda each: each.failed_curve),
                over_time("Held at the moment", "occurrences", lambda each: each.held_curve),
                over_time("Updated so far", "% of the hosts", lambda each: each.updated_curve),
                late,
            ],
        )
    ]


def table(found: Sequence[Figures]) -> str:
    """Return the Markdown table: a line a measure, a column a variant."""
    rows = [
        ("", *(each.name for each in found)),
        ("---", *("---:" for _ in found)),
        *((name, *(read(each) for each in found)) for name, read in _ROWS),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _reason(reason: str) -> Callable[[Figures], str]:
    return lambda each: f"{each.reasons.get(reason, 0):,}"


_ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("**occurrences due**", lambda each: f"{each.due:,}"),
    ("done", lambda each: f"{each.done:,}"),
    ("**failed for good** by an interruption", lambda each: f"**{each.failed:,}**"),
    ("… on a host that is gone for ever", lambda each: f"{each.failed_gone:,}"),
    ("… on others, of jobs that do not choose `Ignore`", lambda each: f"{each.failed_heeding:,}"),
    ("missed: pinned to a host that is gone for ever", _reason("host lost")),
    ("skipped: one run made up for several held ones", _reason("coalesced")),
    ("skipped: the one before still ran", _reason("overlap")),
    ("lost: in none of these lines", lambda each: f"{each.unaccounted:,}"),
    ("**late** by more than 1 s", lambda each: f"**{each.late:,}**"),
    ("late by more than 1 min", lambda each: f"{each.very_late:,}"),
    ("median lateness of the late", lambda each: _seconds(each.late_median)),
    ("p99 lateness of all", lambda each: _seconds(each.late_p99)),
    ("held for a while", lambda each: f"{each.held:,}"),
    ("moved to another host", lambda each: f"{each.moved:,}"),
    ("**executions** begun", lambda each: f"{each.attempts:,}"),
    ("hit in flight", lambda each: f"{each.cut_off:,}"),
    ("sent to a host that was down", lambda each: f"{each.refused:,}"),
    ("broken off at the deadline to run elsewhere", lambda each: f"{each.moved_in_flight:,}"),
    ("begun a second time or more", lambda each: f"{each.repeated:,}"),
    ("**from announcement to start**, median", lambda each: f"**{each.wait:.1f} min**"),
    ("events approved early, of all", lambda each: f"{each.approved:,} of {each.events:,}"),
    ("hosts empty for good after, median", lambda each: _seconds(each.drained) if each.drains else "–"),
    ("… p99", lambda each: _seconds(each.drained_p99) if each.drains else "–"),
    ("hosts not empty at NotBefore", lambda each: f"{each.overdue:,}" if each.drains else "–"),
    ("a host gets no new job for, mean", lambda each: f"{each.lull:.1f} min"),
    ("**whole update**", lambda each: f"**{each.length:.0f} min**"),
)


def _seconds(seconds: float) -> str:
    if seconds >= 120:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.1f} s" if seconds else "0 s"


def section(found: Sequence[Figures], size: Size, seed: int) -> str:
    """Return all that stands between the marks."""
    hosts, hours = size.groups * size.hosts, size.span.total_seconds() / 3600
    setting = (
        f"{hosts:,} hosts in {size.groups} scale sets with {size.domains} fault domains each, {size.jobs:,} jobs, what "
        f"is due within {hours:g} hours; seed {seed}. The same seed gives the same numbers, on every machine."
    )
    names = "\n".join(f"* **{each.name}**: {each.variant.told}." for each in found)
    pictures = "\n\n".join(f"![{chart.told}](images/{chart.file}.svg)" for chart in charts(found))
    return "\n\n".join((setting, names, table(found), pictures, told(size)))


def document(text: str, body: str) -> str:
    """Return the document with a section between its marks. Raises ValueError without both."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document lacks the marks {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{body}\n{END}{after}"
