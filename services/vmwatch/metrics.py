"""The watcher's metrics: one object, one registry of its own, closed label sets (docs/metrics.md)."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.vmwatch.errors import MetadataOutcome
from shared.messages import NoticeKind, Refusal

KNOWN_EVENT_TYPES: Final = ("Freeze", "Reboot", "Redeploy", "Preempt", "Terminate")
OTHER: Final = "Other"


class ApprovalOutcome(StrEnum):
    """What became of an approve command, or of repeating it."""

    APPROVED = "approved"
    REPEATED = "repeated"
    ALREADY_STARTED = "already_started"
    UNKNOWN_EVENT = "unknown_event"
    NOT_SCHEDULED = "not_scheduled"
    FAILED = "failed"
    ASKED_AGAIN = "asked_again"
    TOO_MANY = "too_many"


class Metrics:
    """Every figure the watcher tells; pass it in, never import one."""

    def __init__(self, version: str) -> None:
        """Make all series, so that each is there from the start."""
        self.registry = CollectorRegistry()
        self._requests = self._counter("metadata_requests", "Requests to the metadata service.", MetadataOutcome)
        self._notices = self._counter("notices", "Transitions of events that were announced.", NoticeKind, "kind")
        self._approvals = self._counter("approvals", "Approve commands, and their repetitions.", ApprovalOutcome)
        self._refused = self._counter("messages_refused", "Messages refused, by reason.", Refusal, "reason")
        self._last_success = Gauge(
            "leeward_metadata_last_success_timestamp_seconds",
            "When scheduled events were last read.",
            registry=self.registry,
        )
        self._active = Gauge(
            "leeward_events_active", "Events that this watcher sees now.", ["type"], registry=self.registry
        )
        self._connected = Gauge("leeward_bus_connected", "Whether the broker is connected.", registry=self.registry)
        self.show_events(())
        build = Gauge("leeward_build_info", "Always 1; the version is a label.", ["version"], registry=self.registry)
        build.labels(version).set(1)

    def count_request(self, outcome: MetadataOutcome) -> None:
        """Count a request to the metadata service."""
        self._requests.labels(outcome).inc()

    def count_notice(self, kind: NoticeKind) -> None:
        """Count an announced transition."""
        self._notices.labels(kind).inc()

    def count_approval(self, outcome: ApprovalOutcome) -> None:
        """Count an approve command."""
        self._approvals.labels(outcome).inc()

    def count_refused(self, reason: str) -> None:
        """Count a refused message."""
        self._refused.labels(reason).inc()

    def show_success(self, at: datetime) -> None:
        """Note when events were last read."""
        self._last_success.set(at.timestamp())

    def show_events(self, types: Iterable[str]) -> None:
        """Show how many events of each type there are; types that are not known are one."""
        tally = Tally(kind if kind in KNOWN_EVENT_TYPES else OTHER for kind in types)
        for kind in (*KNOWN_EVENT_TYPES, OTHER):
            self._active.labels(kind).set(tally[kind])

    def show_connection(self, connected: bool) -> None:
        """Show whether the bus is connected."""
        self._connected.set(connected)

    def _counter(self, name: str, text: str, values: type[StrEnum], label: str = "outcome") -> Counter:
        counter = Counter(f"leeward_{name}_total", text, [label], registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter
