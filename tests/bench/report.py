"""From a run's results to the table of gauges, and into the document."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

import msgspec

from tests.bench.cells import (
    Read,
    Write,
    compared,
    lateness,
    megabytes,
    microseconds,
    milliseconds,
    per_second,
    percent,
    plain,
    ratio,
    seconds,
)
from tests.bench.creating import Creation
from tests.bench.idle import Idle
from tests.bench.loads import HANGING, HERD, SATURATION, SLOW, STEADY, Take, quantile
from tests.bench.results import Results, Takes

LOOP, ONE, TWO = "loop", "PostgreSQL", "2 replicas"
PROCRASTINATE, PGQUEUER = "Procrastinate", "PgQueuer"
LEEWARD = ("SQLite", ONE, TWO)
CONTESTANTS = (LOOP, "APScheduler", PROCRASTINATE, PGQUEUER, *LEEWARD)
EMPTY = """\
Empty cells: the loop and APScheduler's memory store execute no SQL, and SQLite has no counter that costs nothing (P4).
Only Leeward runs as replicas here (P6); at 100/s and for the herd one replica stands for two. Procrastinate cannot
bear 1,000/s, so there is nothing to compare it with (P8). The peers are libraries: none has an API that creates jobs
(P9), and none knows hosts (P11). What PgQueuer and Procrastinate do idle depends on the polling interval chosen;
APScheduler holds all jobs in memory, or reads them all from its store (P10). Once it has fallen behind, as at 9,000/s,
APScheduler does little but look through its jobs; what it can do stands in the second row."""
BEGIN, END = "<!-- make bench -->", "<!-- end -->"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A gauge: its cells by contestant, and its floor and target. Nothing measured makes no row."""

    name: str
    cells: Mapping[str, str]
    asked: str = ""


def rows(results: Results) -> list[Row]:
    """Return the rows of what was measured."""
    found = [
        *_dispatch_rows(results.takes, results),
        *_replica_rows(results.takes),
        *_burst_rows(results.bursts),
        *_hanging_rows(results.takes),
        *_creation_rows(results.creations),
        *_idle_rows(results.idles),
        *_held_rows(results),
    ]
    return [row for row in found if any(row.cells.values())]


def table(results: Results) -> str:
    """Return the Markdown table of a run."""
    lines = [("gauge", *CONTESTANTS, "floor (target)"), ("---",) * (len(CONTESTANTS) + 2)]
    lines += [(row.name, *(row.cells.get(name, "") for name in CONTESTANTS), row.asked) for row in rows(results)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# -- P1 to P5 ----------------------------------------------------------------------------------------------------------


def _dispatch_rows(loads: Mapping[str, Takes], results: Results) -> list[Row]:
    return [
        _against_loop(
            "P1: requests per second, 9,000/s asked", loads.get(SATURATION, {}), _rate, per_second, "≥ 0.6 (0.9)"
        ),
        Row(name="the most requests per second, at whatever rate asked", cells=_best(results)),
        _late("median lateness at 1,000/s", loads.get(STEADY, {}), lambda take: take.p50, ""),
        _late("P2: p99 lateness at 1,000/s", loads.get(STEADY, {}), lambda take: take.p99, "≤ 5 (2)"),
        _late("p99 lateness at 100/s", loads.get(SLOW, {}), lambda take: take.p99, ""),
        _against_loop(
            "P3: processor time of an occurrence at 1,000/s",
            loads.get(STEADY, {}),
            lambda take: take.cpu,
            microseconds,
            "≤ 2 (1.3)",
        ),
        _plain("beside it, PostgreSQL's server", loads.get(STEADY, {}), lambda take: take.server_cpu, microseconds),
        _plain(
            "P4: SQL statements of an occurrence at 1,000/s",
            loads.get(STEADY, {}),
            lambda take: take.statements,
            lambda count: f"{count:.3f}",
            "≤ 0.3 (0.1)",
        ),
        _late(
            "P5: 1,000 due in one instant, the last one late by", loads.get(HERD, {}), lambda take: take.last, "≤ 4 (2)"
        ),
    ]


def _rate(take: Take) -> float:
    return take.rate


def _against_loop(name: str, takes: Takes, read: Read, write: Write, asked: str) -> Row:
    loop = [read(take) for take in takes.get(LOOP, ())]
    cells = {who: compared([read(take) for take in own], loop, write) for who, own in takes.items()}
    return Row(name=name, cells=cells, asked=asked)


def _late(name: str, takes: Takes, read: Read, asked: str) -> Row:
    cells = {who: lateness(own, takes.get(LOOP, ()), read) for who, own in takes.items()}
    return Row(name=name, cells=cells, asked=asked)


def _plain(name: str, takes: Takes, read: Read, write: Write, asked: str = "") -> Row:
    cells = {who: plain([read(take) for take in own], write) for who, own in takes.items()}
    return Row(name=name, cells=cells, asked=asked)


def _best(results: Results) -> dict[str, str]:
    """Return everybody's highest point on the curve of throughput."""
    best = {
        who: max(
            (median([take.rate for take in takes[who]]) for takes in results.rates.values() if who in takes),
            default=0.0,
        )
        for who in CONTESTANTS
    }
    loop = [best[LOOP] or None]
    return {who: compared([rate], loop, per_second) for who, rate in best.items() if rate}


# -- P6 to P8 ----------------------------------------------------------------------------------------------------------


def _replica_rows(loads: Mapping[str, Takes]) -> list[Row]:
    return [
        _replicas("P6: requests of 2 replicas / of 1, 1,000/s asked", loads.get(STEADY, {}), "≥ 0.95 (1.0)"),
        _replicas("the same, 9,000/s asked", loads.get(SATURATION, {}), ""),
        Row(
            name="P6: requests that came twice, all loads",
            cells={who: _doubled(loads, who) for who in LEEWARD},
            asked="0 (0)",
        ),
    ]


def _replicas(name: str, takes: Takes, asked: str) -> Row:
    own, others = ([take.rate for take in takes.get(who, ())] for who in (TWO, ONE))
    return Row(name=name, cells={TWO: compared(own, others, per_second)}, asked=asked)


def _doubled(loads: Mapping[str, Takes], who: str) -> str:
    counts = [take.doubled for takes in loads.values() for take in takes.get(who, ())]
    return str(sum(counts)) if counts else ""


def _burst_rows(bursts: Mapping[str, Sequence[float]]) -> list[Row]:
    def against(peer: str, floor: str) -> Row:
        cells = {who: _times(ratio(bursts.get(who, ()), bursts.get(peer, ()))) for who in LEEWARD}
        return Row(name=f"P7: the same / {peer}'s", cells=cells, asked=floor)

    cells = {who: compared(rates, bursts.get(LOOP, ()), per_second) for who, rates in bursts.items()}
    return [
        Row(name="jobs that are all due already, worked off per second", cells=cells),
        against(PROCRASTINATE, "≥ 5 (8)"),
        against(PGQUEUER, "≥ 0.6 (0.9)"),
    ]


def _times(found: float | None) -> str:
    return "" if found is None else f"**{found:.2f}**"


def _hanging_rows(loads: Mapping[str, Takes]) -> list[Row]:
    hanging, steady = loads.get(HANGING, {}), loads.get(STEADY, {})
    cells = {who: lateness(own, steady.get(who, ()), lambda take: take.p99) for who, own in hanging.items()}
    return [
        Row(
            name="P8: p99 lateness of healthy jobs with 20 % of targets hanging / without, 1,000/s",
            cells=cells,
            asked="≤ 2 (1.2)",
        )
    ]


# -- P9 to P11 ---------------------------------------------------------------------------------------------------------


def _creation_rows(creations: Mapping[str, Sequence[Creation]]) -> list[Row]:
    def row(name: str, read: Callable[[Creation], float], asked: str) -> Row:
        cells = {who: plain([read(each) for each in own], per_second) for who, own in creations.items()}
        return Row(name=name, cells=cells, asked=asked)

    return [
        row("P9: jobs created by API, one after the other", lambda each: each.sequential, "≥ 200/s (500/s)"),
        row("the same, 8 callers at once", lambda each: each.concurrent, ""),
        row("P9: jobs created in bulk", lambda each: each.bulk, "≥ 3,000/s (10,000/s)"),
    ]


def _idle_rows(idles: Mapping[str, Sequence[Idle]]) -> list[Row]:
    sizes = sorted({idle.jobs for own in idles.values() for idle in own if idle.jobs})[-2:]
    return [row for size in sizes for row in _idle_rows_at(idles, size)]


def _idle_rows_at(idles: Mapping[str, Sequence[Idle]], size: int) -> list[Row]:
    def row(name: str, read: Callable[[Idle, Idle], float], write: Write, asked: str = "") -> Row:
        cells = {who: write(read(_with(own, size), _with(own, 0))) for who, own in idles.items()}
        return Row(name=f"{name} {size:,} dormant jobs", cells=cells, asked=asked)

    return [
        row("P10: share of a core with", lambda idle, _: idle.cpu, percent, "≤ 5 % (1 %)"),
        row("P10: memory, against none, with", lambda idle, none: idle.memory - none.memory, megabytes, "(+0)"),
        row("start, ready to dispatch, with", lambda idle, _: idle.start, seconds),
        row("the store's time to claim an occurrence with", lambda idle, _: idle.claim, microseconds),
    ]


def _with(own: Sequence[Idle], size: int) -> Idle:
    return next(idle for idle in own if idle.jobs == size)


def _held_rows(results: Results) -> list[Row]:
    crowds = {who: next((idle for idle in own if idle.held), None) for who, own in results.idles.items()}
    size = max((crowd.jobs for crowd in crowds.values() if crowd), default=0)
    return [
        Row(
            name="P11: from an event's publication to the last start on its host",
            cells={who: _delays(held) for who, held in results.held.items()},
            asked="≤ 250 ms (50 ms)",
        ),
        Row(
            name=f"P11: the same, {size:,} more jobs on the host",
            cells={who: _delays(crowd.held) for who, crowd in crowds.items() if crowd},
            asked="≤ 250 ms (50 ms)",
        ),
    ]


def _delays(held: Sequence[float]) -> str:
    if not held:
        return ""
    p99 = quantile(sorted(held), 0.99)
    return f"{milliseconds(median(held))}, p99 {milliseconds(p99)}, worst {milliseconds(max(held))}"


# -- the document ------------------------------------------------------------------------------------------------------


def remarks(results: Results) -> str:
    """Say which requests never came below saturation, and which takes something else disturbed."""
    bearable = {name: takes for name, takes in results.takes.items() if name not in (SATURATION, HANGING)}
    missing = {
        f"{who} at {name}": sum(take.lost for take in own)
        for name, takes in bearable.items()
        for who, own in takes.items()
    }
    told = ", ".join(f"{count:,} of {who}" for who, count in missing.items() if count)
    every = [
        take for takes in (*results.takes.values(), *results.rates.values()) for own in takes.values() for take in own
    ]
    again, disturbed = sum(take.again for take in every), sum(take.disturbed for take in every)
    return (
        f"Requests due below saturation that had not come 0.6 s after their window: {told or 'none'}. "
        f"Of {len(every)} takes {again} were made again because something else kept the machine busy; "
        f"{disturbed} stayed disturbed."
    )


def replaced(text: str, begin: str, body: str) -> str:
    """Return a text with what stands between a mark and the next end replaced. Raises ValueError without both."""
    before, found, rest = text.partition(begin)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise ValueError(f"the document lacks the marks {begin!r} and {END!r}")
    return f"{before}{begin}\n{body}\n{END}{after}"
