"""From takes to a table of ratios: every contestant against the bare loop of the same round."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import msgspec

from tests.bench.loads import Take

Takes = Mapping[str, Sequence[Take]]
"""Per contestant, one take a round."""
LOOP = "loop"


class Gauge(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a take, what it is asked to be in relation to the loop's, and how to write it."""

    name: str
    load: str
    read: Callable[[Take], float | None]
    written: Callable[[float], str]
    bounds: tuple[float, float]
    relative: bool = True
    more_is_better: bool = False


def milliseconds(seconds: float) -> str:
    """Write a short time."""
    return f"{seconds * 1e3:.1f} ms"


GAUGES = (
    Gauge(
        name="P1 throughput at saturation (9,000/s asked)",
        load="saturation",
        read=lambda take: take.rate,
        written=lambda rate: f"{rate:,.0f}/s",
        bounds=(0.6, 0.9),
        more_is_better=True,
    ),
    Gauge(
        name="median lateness at 1,000/s",
        load="1,000/s",
        read=lambda take: take.p50,
        written=milliseconds,
        bounds=(5, 2),
    ),
    Gauge(name="P2 p99 lateness at 1,000/s", load="1,000/s", read=lambda take: take.p99, written=milliseconds, bounds=(5, 2)),
    Gauge(
        name="P3 processor time per occurrence at 1,000/s",
        load="1,000/s",
        read=lambda take: take.cpu,
        written=lambda seconds: f"{seconds * 1e6:.0f} µs",
        bounds=(2.0, 1.3),
    ),
    Gauge(
        name="P4 SQL statements per occurrence at 1,000/s",
        load="1,000/s",
        read=lambda take: take.statements,
        written=lambda count: f"{count:.3f}",
        bounds=(0.3, 0.1),
        relative=False,
    ),
    Gauge(name="P5 last of 1,000 due in one instant", load="herd", read=lambda take: take.last, written=milliseconds, bounds=(4, 2)),
)


def _figures(gauge: Gauge, takes: Sequence[Take]) -> list[float]:
    return [figure for take in takes if (figure := gauge.read(take)) is not None]


def _ratio(gauge: Gauge, takes: Sequence[Take], yardstick: Sequence[Take]) -> float | None:
    """Return the median of the rounds' ratios; the plain median of a gauge that the loop has no figure for."""
    own = _figures(gauge, takes)
    if not own:
        return None
    if not gauge.relative:
        return median(own)
    return median(mine / theirs for mine, theirs in zip(own, _figures(gauge, yardstick), strict=True) if theirs)


def _cell(gauge: Gauge, takes: Sequence[Take], yardstick: Sequence[Take]) -> str:
    ratio = _ratio(gauge, takes, yardstick)
    if ratio is None:
        return "not counted"
    written = gauge.written(median(_figures(gauge, takes)))
    return f"{written} = **{ratio:.2f}**" if gauge.relative else f"**{written}**"


class Results(msgspec.Struct, kw_only=True):
    """Everything a run has measured: takes by load and contestant, and the times to hold a host."""

    takes: Mapping[str, Takes]
    held: Sequence[float]
    rounds: int


def table(results: Results) -> str:
    return "TODO"
def document(results: Results, date: str) -> str:
    return "TODO"
