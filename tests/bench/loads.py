"""What is asked of the contestants, and what one take of it came to."""

from collections.abc import Sequence

import msgspec

SATURATION, STEADY, SLOW, HERD, HANGING = "saturation", "1,000/s", "100/s", "herd", "hanging"
RATES = (100, 1_000, 3_000, 6_000, 9_000)
"""What the curve of throughput asks for, in occurrences per second."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that fire every `interval` seconds, spread over it, or all in one instant (`herd`).

    A take waits `warm` seconds after the first start, then looks for `window` seconds. Every `hang_each`th job asks a
    target that never answers.
    """

    name: str
    jobs: int
    interval: int
    window: float
    warm: float
    herd: bool = False
    hang_each: int = 0

    @property
    def healthy(self) -> int:
        """How many jobs ask the target that answers."""
        return self.jobs - (self.jobs // self.hang_each if self.hang_each else 0)

    @property
    def rate(self) -> float:
        """Occurrences per second."""
        return self.jobs / self.interval


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """One contestant under one load.

    `rate` is requests per second; `p50`, `p99` the lateness and `last` the lateness of a herd's last request, in
    seconds; `cpu` seconds of the contestant's processes, `server_cpu` of the database server's and `statements` SQL
    statements, each per request; of the requests due, `due` in all, `lost` had not come a moment after the window and
    `doubled` came again. `curve` holds the lateness at each of `SHARES`. `again` counts earlier tries that were thrown
    away because something else kept the machine busy, `disturbed` tells that this one was too.
    """

    rate: float
    p50: float
    p99: float
    last: float
    cpu: float
    due: int
    lost: int
    doubled: int = 0
    server_cpu: float | None = None
    statements: float | None = None
    curve: list[float] = []
    again: int = 0
    disturbed: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether all but one in a hundred of the requests due have come."""
        return self.lost <= self.due * 0.01


SHARES = (*(share / 100 for share in range(100)), 0.995, 0.999, 1.0)
"""The shares of requests at which a take's lateness is kept."""


def loads(*, quick: bool) -> dict[str, Load]:
    """Return the loads by name; `quick` ones have shorter windows."""
    window, warm = (1.5, 1.0) if quick else (4.0, 1.5)
    every = (
        Load(name=SATURATION, jobs=9_000, interval=1, window=window, warm=warm),
        Load(name=STEADY, jobs=1_000, interval=1, window=window, warm=warm),
        Load(name=SLOW, jobs=100, interval=1, window=window, warm=warm),
        Load(name=HERD, jobs=1_000, interval=3, window=3.0 if quick else 6.0, warm=-0.5, herd=True),
        Load(name=HANGING, jobs=1_000, interval=1, window=window, warm=warm, hang_each=5),
    )
    return {load.name: load for load in every}


def rate_load(rate: int, *, quick: bool) -> Load:
    """Return the load of one point of the curve of throughput."""
    return Load(name=f"{rate:,}/s", jobs=rate, interval=1, window=1.5 if quick else 3.0, warm=1.0)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the entry below which that share of a sorted list lies; 0 for an empty one."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
