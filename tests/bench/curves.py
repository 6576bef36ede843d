"""From a run's results to charts, as data: what is drawn, on which axes; the drawing itself is elsewhere."""

from collections.abc import Callable, Sequence
from statistics import median

from tests.bench.charts import Chart, Line, Panel, Scale
from tests.bench.idle import Idle
from tests.bench.loads import SHARES, STEADY, Take
from tests.bench.report import CONTESTANTS
from tests.bench.results import Results

_SOONEST = 0.05
"""Milliseconds: what is less late is drawn there."""


def charts(results: Results) -> list[Chart]:
    """Return the charts for which there is anything to draw."""
    found = (_lateness(results), _throughput(results), _cost(results))
    return [chart for chart in found if any(panel.lines for panel in chart.panels)]


def _lateness(results: Results) -> Chart:
    takes = results.takes.get(STEADY, {})
    lines = [Line(name=who, points=_distribution(takes[who])) for who in CONTESTANTS if who in takes]
    return Chart(
        file="bench-lateness",
        told="Share of requests that have come, by lateness, at 1,000 occurrences per second",
        panels=[
            Panel(
                title="Lateness at 1,000 occurrences per second",
                x="late by at most, ms",
                y="% of the requests due",
                lines=[line for line in lines if line.points],
            )
        ],
    )


def _distribution(takes: Sequence[Take]) -> list[tuple[float, float]]:
    """Return (milliseconds late, % of what was due); what had not come by the end of the take is missing at the top."""
    curves = [take.curve for take in takes if take.curve]
    came = sum(take.due - take.lost for take in takes) / max(sum(take.due for take in takes), 1)
    if not curves or not came:
        return []
    late = (median(at) for at in zip(*curves, strict=True))
    return [(max(at * 1e3, _SOONEST), share * came * 100) for at, share in zip(late, SHARES, strict=True)]


def _throughput(results: Results) -> Chart:
    lines = [Line(name=who, points=_rates(results, who)) for who in CONTESTANTS]
    return Chart(
        file="bench-throughput",
        told="Requests per second that came, by the rate that was asked",
        panels=[
            Panel(
                title="Throughput",
                x="occurrences due per second",
                y="requests per second",
                lines=[line for line in lines if line.points],
                x_scale=Scale.LINEAR,
                even=True,
            )
        ],
    )


def _rates(results: Results, who: str) -> list[tuple[float, float]]:
    return sorted(
        (float(rate), median([take.rate for take in takes[who]]))
        for rate, takes in results.rates.items()
        if takes.get(who)
    )


def _cost(results: Results) -> Chart:
    def panel(title: str, y: str, read: Callable[[Idle], float]) -> Panel:
        lines = [Line(name=who, points=_sizes(own, read)) for who, own in results.idles.items()]
        return Panel(title=title, x="dormant jobs", y=y, lines=lines)

    return Chart(
        file="bench-cost",
        told="Idle processor time, start time, memory and time to claim, by the number of dormant jobs",
        panels=[
            panel("Idle", "% of a core", lambda idle: idle.cpu * 100),
            panel("Start", "seconds", lambda idle: idle.start),
            panel("Memory", "MB", lambda idle: idle.memory / 1e6),
            panel("Claiming an occurrence", "µs", lambda idle: idle.claim * 1e6),
        ],
    )


def _sizes(own: Sequence[Idle], read: Callable[[Idle], float]) -> list[tuple[float, float]]:
    return [(float(idle.jobs), read(idle)) for idle in own if idle.jobs]


def embedded(found: Sequence[Chart]) -> str:
    """Return the Markdown that shows the charts."""
    return "\n\n".join(f"![{chart.told}](images/{chart.file}.svg)" for chart in found)
