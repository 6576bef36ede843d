"""Cells of the table: a figure, its ratio to another's of the same round, medians over the rounds."""

from collections.abc import Callable, Sequence
from statistics import median

from tests.bench.loads import Take

Read = Callable[[Take], float | None]
Write = Callable[[float], str]


def milliseconds(seconds: float) -> str:
    """Write a short time."""
    return f"{seconds * 1e3:,.1f} ms"


def microseconds(seconds: float) -> str:
    """Write a very short time."""
    return f"{seconds * 1e6:,.0f} µs"


def per_second(rate: float) -> str:
    """Write a rate."""
    return f"{rate:,.0f}/s"


def seconds(duration: float) -> str:
    """Write a long time."""
    return f"{duration:.1f} s"


def megabytes(size: float) -> str:
    """Write an amount of memory, with its sign."""
    return f"{size / 1e6:+.0f} MB"


def percent(share: float) -> str:
    """Write a share."""
    return f"{share * 100:.1f} %"


def middle(figures: Sequence[float | None]) -> float | None:
    """Return the median of the figures there are; None without any."""
    counted = [figure for figure in figures if figure is not None]
    return median(counted) if counted else None


def ratio(own: Sequence[float | None], others: Sequence[float | None]) -> float | None:
    """Return the median over the rounds of the ratios of figures taken in the same round."""
    pairs = zip(own, others, strict=False)
    return middle([mine / theirs if mine is not None and theirs else None for mine, theirs in pairs])


def plain(figures: Sequence[float | None], write: Write) -> str:
    """Write the median of some figures; nothing where there are none."""
    found = middle(figures)
    return "" if found is None else write(found)


def compared(own: Sequence[float | None], others: Sequence[float | None], write: Write) -> str:
    """Write the median ratio, and the median figure in brackets; the figure alone where nothing can be compared."""
    found, figure = ratio(own, others), plain(own, write)
    return figure if found is None or not figure else f"**{found:.2f}** ({figure})"


def lateness(own: Sequence[Take], others: Sequence[Take], read: Read) -> str:
    """Write a lateness like `compared`; what leaves requests behind for good has none worth a figure."""
    if not own:
        return ""
    if not median([take.is_complete for take in own]):
        left = sum(take.lost for take in own) / max(sum(take.due for take in own), 1)
        return f"behind: {left * 100:.0f} % not there"
    return compared([read(take) for take in own], [read(take) for take in others], milliseconds)
