"""From a run to what is said of it: numbers, and curves over time."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from statistics import mean, median

import msgspec

from tests.simulation.executions import BROKEN_OFF, CUT_OFF, MOVED, REFUSED
from tests.simulation.ledger import Tally
from tests.simulation.rollout import Course
from tests.simulation.simulation import Run
from tests.simulation.variants import Variant
from tests.simulation.world import BEGIN

Curve = list[tuple[float, float]]
_LATENESSES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 2700, 3600, 5400, 7200)
_MINUTE = 60.0


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One variant in numbers: occurrences, unless said otherwise."""

    variant: Variant
    due: int
    done: int
    failed: int
    failed_gone: int
    """Of those, on hosts that have vanished for ever."""
    failed_heeding: int
    """Of those on other hosts, of jobs whose strategy is not `Ignore`."""
    reasons: dict[str, int]
    """Skipped and missed ones, by reason."""
    unaccounted: int
    held: int
    moved: int
    late: int
    """Done, and begun more than a second after they were due."""
    very_late: int
    """Begun more than a minute after."""
    late_median: float
    """Seconds, of those that were late."""
    late_p99: float
    """Seconds, of all that were done."""
    attempts: int
    cut_off: int
    refused: int
    moved_in_flight: int
    broken_off: int
    repeated: int
    lull: float
    """Minutes."""
    drains: int
    """Hosts that were empty in time."""
    drained: float
    drained_p99: float
    """Seconds."""
    overdue: int
    """Hosts."""
    wait: float
    """Minutes from announcement to start, of the update's events."""
    approved: int
    events: int
    length: float
    """Minutes."""
    faults: list[str]
    """The first of what should never have happened."""
    failed_curve: Curve
    held_curve: Curve
    updated_curve: Curve
    late_curve: Curve

    @property
    def name(self) -> str:
        """The name of the variant."""
        return self.variant.name


def figures(run: Run) -> Figures:
    """Return a run in numbers."""
    tally, way = run.tally, run.tally.on_the_way
    late = sorted(tally.late)
    return Figures(
        variant=run.variant,
        due=tally.due,
        done=tally.fates["done"],
        failed=tally.fates["failed"],
        failed_gone=way["failed gone"],
        failed_heeding=way["failed heeding"],
        reasons=dict(sorted(tally.reasons.items())),
        unaccounted=tally.due - sum(tally.fates.values()),
        held=way["held"],
        moved=way["moved"],
        late=len(late) - bisect_right(late, 1.0),
        very_late=len(late) - bisect_right(late, _MINUTE),
        late_median=_middle(late[bisect_right(late, 1.0) :]),
        late_p99=_percentile(late, 0.99),
        attempts=way["attempts"],
        cut_off=way[CUT_OFF],
        refused=way[REFUSED],
        moved_in_flight=way[MOVED],
        broken_off=way[BROKEN_OFF],
        repeated=way["repeated"],
        lull=mean(run.lulls) / _MINUTE if run.lulls else 0.0,
        drains=len(run.drained),
        drained=_middle(run.drained),
        drained_p99=_percentile(sorted(run.drained), 0.99),
        overdue=run.overdue,
        wait=_middle([_notice(course) for course in _planned(run)]),
        approved=sum(course.approved is not None for course in run.courses),
        events=len(run.courses),
        length=max(run.finished, default=0.0) / _MINUTE,
        faults=tally.told,
        failed_curve=_so_far(tally.failed_at),
        held_curve=_waiting(tally),
        updated_curve=_updated(run),
        late_curve=[(float(limit), float(len(late) - bisect_right(late, limit))) for limit in _LATENESSES],
    )


def _notice(course: Course) -> float:
    """Return the minutes from an event's announcement to its start."""
    return ((course.started or course.announced) - course.announced).total_seconds() / _MINUTE


def _middle(values: Sequence[float]) -> float:
    return median(values) if values else 0.0


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _by_minute(steps: Sequence[tuple[float, int]]) -> Curve:
    """Return the sum of all steps up to the end of each minute."""
    sums = Counter[int]()
    for second, step in steps:
        sums[int(second // _MINUTE)] += step
    levels = accumulate(sums[minute] for minute in range(max(sums, default=0) + 1))
    return [(0.0, 0.0), *((minute + 1.0, float(level)) for minute, level in enumerate(levels))]


def _so_far(instants: Sequence[float]) -> Curve:
    return _by_minute([(second, 1) for second in instants])


def _waiting(tally: Tally) -> Curve:
    return _by_minute(tally.held_at)


def _planned(run: Run) -> list[Course]:
    """Return the update's own events, but for those that were cancelled."""
    return [course for course in run.courses if course.is_planned and course.started is not None]


def _updated(run: Run) -> Curve:
    """Return the percentage of hosts whose event is over."""
    ended = [((course.ended - BEGIN).total_seconds(), len(course.hosts)) for course in _planned(run) if course.ended]
    return [(minute, 100.0 * count / run.hosts) for minute, count in _by_minute(ended)]
