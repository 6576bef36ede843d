"""Numbers as Grafana writes them in a unit, near enough for a picture."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final


def written(value: float, unit: str) -> str:
    """Return a value in a unit."""
    return _WRITERS.get(unit, _short)(value)


def _short(value: float) -> str:
    for size, sign in ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K")):
        if abs(value) >= size:
            return f"{_plain(value / size)}{sign}"
    return _plain(value)


def _plain(value: float) -> str:
    return f"{value:.3g}" if value != int(value) else f"{value:.0f}"


def _seconds(value: float) -> str:
    for size, sign in ((86_400, " days"), (3600, " h"), (60, " min"), (1, " s"), (1e-3, " ms")):
        if abs(value) >= size:
            return f"{_plain(value / size)}{sign}"
    return "0 s" if value == 0 else f"{value * 1e6:.3g} µs"


def _bytes(value: float) -> str:
    for size, sign in ((2**30, " GiB"), (2**20, " MiB"), (2**10, " KiB")):
        if abs(value) >= size:
            return f"{_plain(value / size)}{sign}"
    return f"{_plain(value)} B"


_WRITERS: Final[Mapping[str, Callable[[float], str]]] = MappingProxyType(
    {
        "s": _seconds,
        "bytes": _bytes,
        "percentunit": lambda value: f"{value * 100:.3g} %",
        "ops": lambda value: f"{_plain(value)} ops/s",
        "reqps": lambda value: f"{_plain(value)} req/s",
    }
)
