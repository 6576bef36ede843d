"""What belongs on which row of the weather: history, what is to come, and events, gathered by place. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import IntEnum

import msgspec

from services.scheduler.domain.decisions import Verdict
from services.scheduler.domain.hosts import FleetView, HostCondition, HostReport
from services.scheduler.domain.jobs import JobId
from services.scheduler.portal.overview.forecast import ELSEWHERE, Coming, Place, PlaceKind
from services.scheduler.portal.overview.signs import (
    NEWS,
    OF_FATE,
    QUIET,
    Sign,
    Tick,
    clock_words,
    count_words,
    remark_of,
    sign_of,
)
from services.scheduler.portal.overview.spans import Bar, bars, is_seen, points
from services.scheduler.portal.overview.window import Window
from services.scheduler.store.records import EventOutcome, EventRecord
from services.scheduler.store.search import Mark
from shared.topics import HostKey, host_key

BINS = 250
"""How finely a row is drawn: what falls into the same part of it is one sign with a number."""
_BASE = 26
"""Where on a row occurrences stand."""
_SHORT = 6
"""How high the common ones are."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that is drawn. `homes` is where jobs run, for rows of history that name no host."""

    reports: Sequence[HostReport]
    fleet: FleetView
    events: Sequence[EventRecord]
    marks: Sequence[Mark]
    coming: Iterable[Coming]
    homes: Mapping[JobId, Place]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the drawing: a host, any host of a pool, or what runs on no known host.

    `host` is its name where it has a page of its own. `happened` and `coming` are the outlines of all quiet signs, in
    the units of a drawing that is `BINS` wide. `sentence` says the same as the drawing.
    """

    label: str
    host: str | None
    condition: HostCondition | None
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    happened: str
    coming: str
    title: str
    sentence: str


class Rank(IntEnum):
    """How much a row has to tell, the most first.

    THREATENED: by an event now. PASSED: an event is over. NEWS: something failed, waits, or moved. AWAY: the host is
    not available. BUSY: something ran or will. QUIET: nothing.
    """

    THREATENED = 0
    PASSED = 1
    NEWS = 2
    AWAY = 3
    BUSY = 4
    QUIET = 5


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs on a row, and what decides where the row stands."""

    place: Place
    pool: str
    rank: Rank
    report: HostReport | None
    events: list[EventRecord]
    counts: Counter[Sign]


class _Pile(msgspec.Struct):
    """What falls into the same part of a row with the same sign."""

    count: int
    at: datetime
    remark: str


class Sheet:
    """Everything sorted by where it is drawn."""

    def __init__(self, known: Known, window: Window) -> None:
        self._known = known
        self._window = window
        self._reports = {host_key(report.host): report for report in known.reports}
        self._width = (window.end - window.start) / BINS
        self._piles: defaultdict[Place, dict[tuple[Sign, int], _Pile]] = defaultdict(dict)
        self._counts: defaultdict[Place, Counter[Sign]] = defaultdict(Counter)
        self._named: dict[str, Place] = {}
        self._events: dict[str, list[EventRecord]] = {}
        for event in known.events:
            if is_seen(event, window):
                for host in event.hosts:
                    self._events.setdefault(host, []).append(event)
        for mark in known.marks:
            self._take(mark)
        for coming in known.coming:
            self._put(coming.place, OF_FATE[coming.fate], coming.at)

    # -- where everything belongs -------------------------------------------------------------------------------------

    def _take(self, mark: Mark) -> None:
        """Put a row of history where it ran or waits, and where it would have run."""
        decision = mark.decision
        self._put(self._place(mark), sign_of(mark), mark.at, remark_of(mark))
        if decision is not None and decision.verdict is Verdict.REROUTED and decision.away_from is not None:
            self._put(self._place_named(decision.away_from), Sign.LEFT, mark.at, f", ran on {mark.host}")

    def _put(self, place: Place, sign: Sign, at: datetime, remark: str = "") -> None:
        if not self._window.holds(at):
            return
        part = min(BINS - 1, (at - self._window.start) // self._width)
        self._counts[place][sign] += 1
        piles = self._piles[place]
        pile = piles.get((sign, part))
        if pile is None:
            piles[sign, part] = _Pile(1, at, remark)
        else:
            pile.count += 1

    def _place(self, mark: Mark) -> Place:
        if mark.host is None:
            return self._known.homes.get(mark.job_id, ELSEWHERE)
        return self._place_named(mark.host)

    def _place_named(self, name: str) -> Place:
        """Return the row of what history names: a host, or the pool that something waits for."""
        place = self._named.get(name)
        if place is None:
            place = self._named[name] = self._find(name)
        return place

    def _find(self, name: str) -> Place:
        key = host_key(name)
        if key in self._known.fleet or key in self._events:
            return Place(PlaceKind.HOST, key)
        return Place(PlaceKind.POOL, name) if self._known.fleet.members(name) else ELSEWHERE

    # -- rows ---------------------------------------------------------------------------------------------------------

    def hosts(self) -> Iterator[Found]:
        """Yield the row of each known host, and of those that an event names which nobody reports any more."""
        for key in dict.fromkeys((*self._reports, *map(HostKey, self._events))):
            report = self._reports.get(key)
            pool = next(iter(report.pools if report is not None else ()), "")
            yield self._found(Place(PlaceKind.HOST, key), pool, report)

    def others(self) -> Iterator[Found]:
        """Yield the rows of what belongs to no host."""
        return (self._found(place, place.name, None) for place in list(self._piles) if place.kind is not PlaceKind.HOST)

    def _found(self, place: Place, pool: str, report: HostReport | None) -> Found:
        events = self._events.get(place.name, []) if place.kind is PlaceKind.HOST else []
        counts = self._counts[place]
        return Found(
            place=place, pool=pool, rank=_rank(events, counts, report), report=report, events=events, counts=counts
        )

    def row(self, found: Found) -> Row:
        """Return the row as it is drawn."""
        report, counts, piles = found.report, found.counts, self._piles[found.place]
        points = [point for event in found.events for point in self._points(event, found.place)]
        return Row(
            label=_label(found.place, report),
            host=report.host if report is not None else None,
            condition=report.condition if report is not None else None,
            bars=bars(found.events, self._window),
            ticks=(*self._ticks(piles), *points),
            happened=_outline(piles, Sign.SUCCEEDED),
            coming=_outline(piles, Sign.COMING),
            title=count_words({sign: counts[sign] for sign in QUIET}),
            sentence=self._sentence(found),
        )

    def _ticks(self, piles: Mapping[tuple[Sign, int], _Pile]) -> Iterator[Tick]:
        for (sign, part), pile in piles.items():
            if sign not in QUIET:
                words = f"{count_words({sign: pile.count})}, {clock_words(pile.at)}"
                more = " and around" if pile.count > 1 else ""
                yield Tick(sign=sign, x=_middle(part), title=f"{words}{more}{pile.remark}")

    def _points(self, event: EventRecord, place: Place) -> Iterator[Tick]:
        return points(event, HostKey(place.name), self._window)

    def _sentence(self, found: Found) -> str:
        """Return what the row shows, for those who do not see it."""
        told = [str(found.report.condition)] if found.report is not None else []
        for event in found.events:
            told += [bar.title for bar in bars([event], self._window)]
            told += [point.title for point in self._points(event, found.place)]
        told.append(count_words(found.counts) or "nothing ran and nothing is to come")
        return "; ".join(told) + "."


def _label(place: Place, report: HostReport | None) -> str:
    if report is not None:
        return report.host
    match place.kind:
        case PlaceKind.HOST:
            return place.name
        case PlaceKind.POOL:
            return "any host"
        case PlaceKind.ELSEWHERE:
            return "no known host"


def _rank(events: list[EventRecord], counts: Counter[Sign], report: HostReport | None) -> Rank:
    if any(event.outcome is EventOutcome.ACTIVE for event in events):
        return Rank.THREATENED
    if events:
        return Rank.PASSED
    if counts.keys() & NEWS:
        return Rank.NEWS
    if report is not None and report.condition is not HostCondition.AVAILABLE:
        return Rank.AWAY
    return Rank.BUSY if counts else Rank.QUIET


def _outline(piles: Mapping[tuple[Sign, int], _Pile], sign: Sign) -> str:
    """Return the ticks of one sign as one shape in a drawing that is `BINS` wide."""
    parts = sorted(part for found, part in piles if found is sign)
    return "".join(f"M{part}.5 {_BASE - _SHORT}v{_SHORT}" for part in parts)


def _middle(part: int) -> float:
    return round((part + 0.5) * 100 / BINS, 2)
