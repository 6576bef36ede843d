"""What this replica's metrics say, now and over the last hour: Prometheus at hand, for those who have none."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from math import inf

import msgspec
from prometheus_client import CollectorRegistry

EVERY_SECONDS = 15.0
"""How often a sample is to be kept."""
KEPT = timedelta(hours=1)
LATENESS = "leeward_dispatch_lateness_seconds"
_REMEMBERED = (
    f"{LATENESS}_bucket",
    f"{LATENESS}_count",
    "leeward_backlog_jobs",
    "leeward_deferred_occurrences_total",
    "leeward_duty_failures_total",
    "leeward_executions_total",
    "leeward_lease_takeovers_total",
    "leeward_leases_lost_total",
    "leeward_messages_refused_total",
    "leeward_missed_occurrences_total",
    "leeward_outcomes_refused_total",
    "leeward_outcomes_written_total",
    "leeward_secret_failures_total",
)
"""What is asked for over a while; all else is asked for as it is now."""

Labels = Mapping[str, str]
_Key = tuple[str, frozenset[tuple[str, str]]]


class _Sample(msgspec.Struct, frozen=True):
    at: float
    values: Mapping[_Key, float]


class Figures:
    """Samples of a registry. Counters begin at 0 with the process, so what came before the first sample counts, too."""

    def __init__(self, registry: CollectorRegistry, *, steady: Callable[[], float] = time.monotonic) -> None:
        """`steady` gives seconds that only ever grow."""
        self._registry = registry
        self._steady = steady
        self._began = steady()
        self._samples: deque[_Sample] = deque()

    def look(self) -> None:
        """Keep a sample, and forget those that are too old."""
        at, values = self._steady(), dict(self._collect(_REMEMBERED))
        self._samples.append(_Sample(at, values))
        while self._samples and at - self._samples[0].at > KEPT.total_seconds():
            self._samples.popleft()

    @property
    def age(self) -> timedelta:
        """How long there has been anything to measure."""
        return timedelta(seconds=self._steady() - self._began)

    def now(self, name: str, labels: Labels | None = None) -> float:
        """Return what a metric says now, summed over all that have the labels; 0 for one without a sample."""
        return sum(value for key, value in self._collect((name,)) if _is_meant(key, name, labels))

    def each(self, name: str, label: str) -> dict[str, float]:
        """Return what a metric says now by the values of a label."""
        return {dict(labels)[label]: value for (found, labels), value in self._collect((name,)) if found == name}

    def increase(self, name: str, window: timedelta, labels: Labels | None = None) -> float:
        """Return by how much a counter has risen within a window of up to KEPT."""
        then = self._before(window)
        return self.now(name, labels) - sum(value for key, value in then.items() if _is_meant(key, name, labels))

    def increases(self, name: str, label: str, window: timedelta) -> dict[str, float]:
        """Return by how much a counter has risen within a window, by the values of a label; those that did alone."""
        found = {each: self.increase(name, window, {label: each}) for each in self.each(name, label)}
        return {each: risen for each, risen in found.items() if risen > 0}

    def quantile(self, share: float, window: timedelta) -> float | None:
        """Return within how many seconds so large a share of attempts started; None when none did.

        The end of the bucket that it falls into, so no less than the truth; infinite beyond the last.
        """
        counts = self._lateness(window)
        total = counts.get(inf, 0.0)
        if not total:
            return None
        return next(limit for limit, count in sorted(counts.items()) if count >= share * total)

    def started(self, window: timedelta) -> int:
        """Return how many attempts started within a window."""
        return round(self.increase(f"{LATENESS}_count", window))

    def late(self, window: timedelta) -> int:
        """Return how many attempts started more than a second late within a window."""
        counts = self._lateness(window)
        return round(counts.get(inf, 0.0) - counts.get(1.0, 0.0))

    def _lateness(self, window: timedelta) -> dict[float, float]:
        """Return how many attempts started within each limit, in seconds."""
        name, then = f"{LATENESS}_bucket", self._before(window)
        return {float(dict(key[1])["le"]): value - then.get(key, 0.0) for key, value in self._collect((name,))}

    def _before(self, window: timedelta) -> Mapping[_Key, float]:
        """Return the last sample from before a window; the oldest, where that was forgotten; nothing at the start."""
        begin = self._steady() - window.total_seconds()
        older = [sample for sample in self._samples if sample.at <= begin]
        if older:
            return older[-1].values
        is_whole = not self._samples or self._samples[0].at - self._began <= 2 * EVERY_SECONDS
        return {} if is_whole else self._samples[0].values

    def _collect(self, names: tuple[str, ...]) -> Iterator[tuple[_Key, float]]:
        # Of a registry that is restricted only those metrics are collected that are asked for.
        for family in self._registry.restricted_registry(names).collect():
            for sample in family.samples:
                if sample.name in names:
                    yield (sample.name, frozenset(sample.labels.items())), sample.value


def _is_meant(key: _Key, name: str, labels: Labels | None) -> bool:
    return key[0] == name and (not labels or set(labels.items()) <= key[1])
