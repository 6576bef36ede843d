"""The weather: what happened on each host lately and what is to come, as positions for the page to draw. Pure."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from services.scheduler.portal.overview.forecast import PlaceKind
from services.scheduler.portal.overview.sheet import Found, Known, Rank, Row, Sheet
from services.scheduler.portal.overview.signs import count_words
from services.scheduler.portal.overview.window import Window

HOST_ROWS = 40
POOL_ROWS = 12
QUIET_ROWS = 12
"""Hosts of which there is nothing to tell fill the drawing no further than this."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one pool; `pool` is empty for what is in none."""

    pool: str
    rows: tuple[Row, ...]


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """The whole drawing; `now` in percent.

    There is no room for `hidden` hosts; `rest` tells of what is not drawn, empty if there is nothing to tell.
    """

    window: Window
    now: float
    groups: tuple[Group, ...]
    hidden: int
    rest: str


def draw(known: Known, window: Window) -> Weather:
    """Return the drawing: hosts with events or news first, others as far as there is room."""
    sheet = Sheet(known, window)
    hosts, pools = sorted(sheet.hosts(), key=_order), sorted(sheet.others(), key=_order)
    busy = sum(found.rank is not Rank.QUIET for found in hosts)
    room = min(HOST_ROWS, max(busy, QUIET_ROWS))
    shown = [*hosts[:room], *pools[:POOL_ROWS]]
    hidden = [*hosts[room:], *pools[POOL_ROWS:]]
    return Weather(
        window=window,
        now=window.percent(window.now),
        groups=tuple(_groups(shown, sheet)),
        hidden=len(hosts[room:]),
        rest=count_words(sum((found.counts for found in hidden), Counter())),
    )


def _order(found: Found) -> tuple[Rank, bool, str, str]:
    """Return what rows are sorted by."""
    return found.rank, found.pool == "", found.pool, found.place.name


def _groups(shown: list[Found], sheet: Sheet) -> Iterator[Group]:
    """Yield the rows by pool, the pool with the most urgent row first; what is in no pool comes last."""
    by_pool: dict[str, list[Found]] = {}
    for found in shown:
        by_pool.setdefault(found.pool, []).append(found)
    ordered = sorted(by_pool.items(), key=lambda item: (item[0] == "", min(one.rank for one in item[1]), item[0]))
    for pool, rows in ordered:
        hosts_first = sorted(rows, key=lambda one: (one.place.kind is not PlaceKind.HOST, _order(one)))
        yield Group(pool=pool, rows=tuple(sheet.row(one) for one in hosts_first))
