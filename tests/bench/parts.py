"""Whose work a sampled stack is: the innermost frame that belongs to a part of the scheduler decides."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

PARTS: dict[str, tuple[str, ...]] = {
    "HTTP call": (
        "aiohttp/",
        "yarl/",
        "multidict/",
        "propcache/",
        "aiosignal/",
        "services/scheduler/dispatch/actions/",
    ),
    "store": ("sqlalchemy/", "aiosqlite/", "sqlite3/", "asyncpg/", "services/scheduler/store/"),
    "planning (recurrence, policies)": (
        "services/scheduler/domain/",
        "services/scheduler/dispatch/planner.py",
        "cronsim/",
    ),
    "metrics": ("prometheus_client/", "services/scheduler/metrics.py"),
    "bus": ("aiomqtt/", "paho/", "shared/bus", "shared/messages", "services/scheduler/dispatch/announcer.py"),
    "fleet": ("services/scheduler/fleet/",),
    "API": ("services/scheduler/api/",),
    "dispatch": ("services/scheduler/",),
    "logs": ("structlog/", "logging/", "shared/logs"),
    "shared": ("shared/",),
}
"""Where the files of a part lie; the first part that fits has a frame."""
LOOP = "event loop (asyncio, uvloop)"
_FRAMES_OF_ALL = ("shared/lifecycle.py", "services/scheduler/__main__.py", "services/scheduler/app.py")
"""Outermost frames, beneath everybody's: no part's."""
_SHOWN = 0.01


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A stack, outermost frame first, each `function (file:line)`, and how often it was seen."""

    frames: Sequence[str]
    count: int


def samples(text: str) -> list[Sample]:
    """Read collapsed stacks, one a line: frames between semicolons, a blank, the count."""
    pairs = (line.rpartition(" ") for line in text.splitlines() if line.strip())
    return [Sample(frames=stack.split(";"), count=int(count)) for stack, _, count in pairs]


def part_of(sample: Sample) -> str:
    """Return the part whose work a stack is."""
    return next((part for frame in reversed(sample.frames) if (part := _owner(frame)) is not None), LOOP)


def _owner(frame: str) -> str | None:
    """Return the part that a frame belongs to, if any."""
    file = _file(frame)
    if any(place in file for place in _FRAMES_OF_ALL):
        return None
    return next((part for part, places in PARTS.items() if any(place in file for place in places)), None)


def _file(frame: str) -> str:
    return frame.rpartition("(")[2]


def shares(found: Iterable[Sample]) -> list[tuple[str, float, str]]:
    """Return each part with its share of the samples and the functions that have most of it, greatest first."""
    parts: Counter[str] = Counter()
    functions: dict[str, Counter[str]] = {}
    for sample in found:
        part = part_of(sample)
        parts[part] += sample.count
        functions.setdefault(part, Counter())[_function(sample, part)] += sample.count
    total = max(parts.total(), 1)
    return [(part, count / total, _most(functions[part], total)) for part, count in parts.most_common()]


def _function(sample: Sample, part: str) -> str:
    """Return the innermost function of the part in a stack, with its file's name."""
    frame = next((frame for frame in reversed(sample.frames) if _owner(frame) == part), sample.frames[-1])
    name = frame.partition(" (")[0].rpartition(".")[2]
    return f"`{_file(frame).rpartition('/')[2].partition(':')[0].rstrip(')')} {name}`"


def _most(functions: "Counter[str]", total: int) -> str:
    shown = [(name, count / total) for name, count in functions.most_common(4)]
    return ", ".join(f"{name} {share * 100:.0f} %" for name, share in shown if share >= _SHOWN)
