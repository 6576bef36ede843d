"""From takes to a table: every figure beside its ratio to the bare loop's of the same round."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import msgspec

from tests.bench.loads import Load, Take

LOOP = "loop"
HERD, SATURATION, STEADY = "herd", "saturation", "1,000/s"
Takes = Mapping[str, Sequence[Take]]
"""Per contestant, one take a round."""


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run has measured: takes by load and contestant, and the seconds it took to hold a host."""

    takes: Mapping[str, Takes]
    held: Sequence[float]
    rounds: int
    setting: str
    """The machine and the versions, as a sentence."""


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a take and how to write it. `asked` is its floor and target, for the ratio or (`plain`) itself."""

    name: str
    load: str
    read: Callable[[Take], float | None]
    written: Callable[[float], str]
    asked: str
    plain: bool = False


def milliseconds(seconds: float) -> str:
    """Write a short time."""
    return f"{seconds * 1e3:.1f} ms"


GAUGES = (
    Gauge(
        name="P1: requests per second, 9,000/s asked",
        load=SATURATION,
        read=lambda take: take.rate,
        written=lambda rate: f"{rate:,.0f}/s",
        asked="≥ 0.6 (0.9)",
    ),
    Gauge(
        name="median lateness at 1,000/s",
        load=STEADY,
        read=lambda take: take.p50,
        written=milliseconds,
        asked="",
    ),
    Gauge(
        name="P2: p99 lateness at 1,000/s",
        load=STEADY,
        read=lambda take: take.p99,
        written=milliseconds,
        asked="≤ 5 (2)",
    ),
    Gauge(
        name="P3: processor time of an occurrence at 1,000/s",
        load=STEADY,
        read=lambda take: take.cpu,
        written=lambda seconds: f"{seconds * 1e6:.0f} µs",
        asked="≤ 2 (1.3)",
    ),
    Gauge(
        name="P4: SQL statements of an occurrence at 1,000/s",
        load=STEADY,
        read=lambda take: take.statements,
        written=lambda count: f"{count:.3f}",
        asked="≤ 0.3 (0.1)",
        plain=True,
    ),
    Gauge(
        name="P5: 1,000 due in one instant, the last one late by",
        load=HERD,
        read=lambda take: take.last,
        written=milliseconds,
        asked="≤ 4 (2)",
    ),
)


def table(results: Results) -> str:
    """Return the Markdown table of a run."""
    contestants = list(next(iter(results.takes.values())))
    head = ["gauge", *contestants, "floor (target)"]
    rows = [head, ["---"] * len(head)]
    rows += [[gauge.name, *_cells(gauge, results.takes[gauge.load]), gauge.asked] for gauge in GAUGES]
    rows.append(["P11: from an event's publication to the last start on its host", "", *_held(results.held)])
    return "\n".join(f"| {' | '.join([*row, *[''] * (len(head) - len(row))])} |" for row in rows)


def _cells(gauge: Gauge, takes: Takes) -> list[str]:
    return [_cell(gauge, own, takes[LOOP]) for own in takes.values()]


def _cell(gauge: Gauge, own: Sequence[Take], loop: Sequence[Take]) -> str:
    """Write the medians over the rounds of a figure and of its ratio to the loop's."""
    figures = [(gauge.read(mine), gauge.read(theirs)) for mine, theirs in zip(own, loop, strict=True)]
    counted = [mine for mine, _ in figures if mine is not None]
    if not counted:
        return ""
    written = gauge.written(median(counted))
    ratios = [mine / theirs for mine, theirs in figures if mine is not None and theirs]
    return written if gauge.plain or not ratios else f"**{median(ratios):.2f}** ({written})"


def _held(held: Sequence[float]) -> list[str]:
    return [f"median {milliseconds(median(held))}, worst {milliseconds(max(held))}", "", "≤ 250 ms (50 ms)"]


def lost(results: Results, loads: Sequence[Load]) -> str:
    """Say whether every request that was due at a bearable load had come."""
    bearable = [load.name for load in loads if load.name != SATURATION]
    missing = {
        f"{contestant} at {name}": sum(take.lost for take in takes)
        for name in bearable
        for contestant, takes in results.takes[name].items()
    }
    told = ", ".join(f"{count} by {who}" for who, count in missing.items() if count)
    return f"Requests due below saturation that had not come 0.6 s after their window: {told or 'none'}."


def document(text: str, results: Results, loads: Sequence[Load], date: str) -> str:
    """Return the document with the run's result between its marks."""
    before, found, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise ValueError(f"the document lacks the marks {BEGIN!r} and {END!r}")
    taken = f"{date}; {results.setting}; medians of {results.rounds} rounds, contestants taking turns."
    return f"{before}{BEGIN}\n{taken}\n\n{table(results)}\n\n{lost(results, loads)}\n{END}{after}"


BEGIN, END = "<!-- make bench -->", "<!-- end -->"
