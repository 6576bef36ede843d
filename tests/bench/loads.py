"""What is asked of the contestants, and what one take of it came to."""

import msgspec


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that fire every `interval` seconds, spread over it, or all in one instant (`herd`).

    A take waits `warm` seconds after the first start, then looks for `window` seconds.
    """

    name: str
    jobs: int
    interval: int
    window: float
    warm: float = 1.0
    herd: bool = False


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """One contestant under one load.

    `rate` is requests per second; `p50`, `p99` the lateness and `last` the lateness of a herd's last request, in
    seconds; `cpu` seconds of the process and `statements` SQL statements per request; `lost` counts requests due
    that had not come a moment after the window.
    """

    rate: float
    p50: float
    p99: float
    last: float
    cpu: float
    lost: int
    statements: float | None = None


def loads(*, quick: bool) -> tuple[Load, Load, Load]:
    """Return saturation, the steady load and the herd; `quick` ones have shorter windows."""
    window = 2.5 if quick else 6.0
    return (
        Load(name="saturation", jobs=9_000, interval=1, window=window, warm=2.0),
        Load(name="1,000/s", jobs=1_000, interval=1, window=window, warm=2.0),
        Load(name="herd", jobs=1_000, interval=2, window=window, warm=-0.5, herd=True),
    )


def quantile(ordered: list[float], share: float) -> float:
    """Return the entry below which that share of a sorted list lies; 0 for an empty one."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
