"""How long a job's last attempts took, as bars: drawn by the server, said in a sentence as well. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

import msgspec

from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.executions import HistoryRow, HistoryStatus
from services.scheduler.portal.jobs.story import RAN
from services.scheduler.portal.lengths import length_words

SHOWN = 50
HEIGHT = 80.0
"""Of the room for bars; a mark above the failed ones takes MARK more."""
MARK = 10.0
_STEP = 12.0
_BAR = 8.0
_LEAST = 2.0
"""Of the room that a bar takes however short: one can point at it."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt; `x`, `y`, `height` and `middle` are places in the drawing, numbers as SVG takes them."""

    x: float
    y: float
    height: float
    middle: float
    failed: bool
    at: datetime
    words: str


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """A line across: so many in a hundred took no longer."""

    name: str
    y: float
    words: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """The drawing of `width` by `height`, its bars from the oldest to the newest."""

    width: float
    height: float
    bar: float
    mark: float
    bars: tuple[Bar, ...]
    levels: tuple[Level, ...]
    summary: str


def chart_of(rows: Sequence[HistoryRow]) -> Chart | None:
    """Return the drawing of the newest attempts of the main action; None when there was none. Rows are newest first."""
    ran = [row for row in rows if row.status in RAN and row.action_name is ActionName.MAIN][:SHOWN][::-1]
    if not ran:
        return None
    took = sorted(row.end_time - row.start_time for row in ran)
    longest = max(took[-1], timedelta(milliseconds=1))
    half, most = _rank(took, 0.5), _rank(took, 0.99)
    return Chart(
        width=len(ran) * _STEP,
        height=HEIGHT + MARK,
        bar=_BAR,
        mark=MARK,
        bars=tuple(_bar(place, row, longest) for place, row in enumerate(ran)),
        levels=(_level("p50", half, longest), _level("p99", most, longest)),
        summary=_summary(ran, half, most),
    )


def _bar(place: int, row: HistoryRow, longest: timedelta) -> Bar:
    took, failed = row.end_time - row.start_time, row.status is HistoryStatus.FAILED
    height = max(_tall(took, longest), _LEAST)
    x = place * _STEP + (_STEP - _BAR) / 2
    words = f"{'failed' if failed else 'succeeded'} after {length_words(took)}"
    return Bar(
        x=x,
        y=round(MARK + HEIGHT - height, 1),
        height=round(height, 1),
        middle=x + _BAR / 2,
        failed=failed,
        at=row.start_time,
        words=words,
    )


def _level(name: str, took: timedelta, longest: timedelta) -> Level:
    return Level(name=name, y=round(MARK + HEIGHT - _tall(took, longest), 1), words=length_words(took))


def _tall(took: timedelta, longest: timedelta) -> float:
    return HEIGHT * (took / longest)


def _rank(ordered: Sequence[timedelta], share: float) -> timedelta:
    """Return what such a share of them did not exceed (nearest rank)."""
    return ordered[ceil(share * len(ordered)) - 1]


def _summary(ran: Sequence[HistoryRow], half: timedelta, most: timedelta) -> str:
    failed = sum(row.status is HistoryStatus.FAILED for row in ran)
    if len(ran) == 1:
        return f"The only attempt {'failed' if failed else 'succeeded'} after {length_words(half)}."
    outcome = "all succeeded" if not failed else "all failed" if failed == len(ran) else f"{failed} failed"
    return (
        f"Of the last {len(ran)} attempts {outcome}. "
        f"Half took up to {length_words(half)}, 99 in 100 up to {length_words(most)}."
    )
