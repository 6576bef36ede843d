"""The watcher's metrics: one object, one registry of its own, closed label sets (docs/metrics.md)."""

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from services.vmwatch.errors import MetadataOutcome
from services.vmwatch.responder_settings import Phase, ResponderName
from shared.messages import MetadataState, NoticeKind, Refusal

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
    NOT_READY = "not_ready"
    DRY_RUN = "dry_run"


class RunOutcome(StrEnum):
    """How a call of a responder ended; cancelled: the deadline came, the event ended or the watcher stopped."""

    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DRY_RUN = "dry_run"


_RUN_SECONDS: Final = (0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 900)
"""A Preempt leaves 30 s, most other events 10 or 15 minutes (reference §1.5)."""


class Approver(StrEnum):
    """Who let an event start before its NotBefore: this watcher, or somebody else."""

    HERE = "here"
    ELSEWHERE = "elsewhere"


class GridOutcome(StrEnum):
    """What became of something that was posted as Event Grid's: taken, known already, or why not."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    HANDSHAKE = "handshake"
    UNRELATED = "unrelated"
    OUT_OF_SCOPE = "out_of_scope"
    WRONG_KEY = "wrong_key"
    MALFORMED = "malformed"
    NO_ROOM = "no_room"


class Span(StrEnum):
    """What is measured of an event of this host, once; docs/metrics.md says from when to when."""

    NOTICE = "notice"
    DRAIN = "drain"
    APPROVAL_TO_START = "approval_to_start"
    DURATION = "duration"


_SPAN_BUCKETS: Final[Mapping[Span, tuple[float, ...]]] = MappingProxyType(
    {
        Span.NOTICE: (5, 10, 15, 30, 60, 120, 300, 600, 840, 900, 3600, 86_400, 604_800),
        Span.DRAIN: (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900, 3600),
        Span.APPROVAL_TO_START: (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900),
        Span.DURATION: (1, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600, 14_400),
    }
)
"""A Preempt leaves 30 s or less, a Freeze 5 to 15 minutes, a failing host days (reference §1.5)."""
_SPAN_TEXTS: Final[Mapping[Span, str]] = MappingProxyType(
    {
        Span.NOTICE: "From the first sight of an event of this host to its NotBefore.",
        Span.DRAIN: "From the first sight of an event of this host to its being drained.",
        Span.APPROVAL_TO_START: "From this watcher's approval of an event to its start.",
        Span.DURATION: "From the start of an event of this host to its end.",
    }
)
KNOWN_SOURCES: Final = ("platform", "user")


class Metrics:
    """Every figure the watcher tells; pass it in, never import one."""

    def __init__(self, version: str) -> None:
        """Make all series, so that each is there from the start."""
        self.registry = CollectorRegistry()
        self._requests = self._counter("metadata_requests", "Requests to the metadata service.", MetadataOutcome)
        self._notices = self._counter("notices", "Transitions of events that were announced.", NoticeKind, "kind")
        self._approvals = self._counter("approvals", "Approve commands, and their repetitions.", ApprovalOutcome)
        self._refused = self._counter("messages_refused", "Messages refused, by reason.", Refusal, "reason")
        self._early = self._counter(
            "early_starts", "Events of this host that started before NotBefore, by who approved.", Approver, "approved"
        )
        self._resets = Counter(
            "leeward_incarnation_resets_total",
            "Times the incarnation fell: the service had been switched off.",
            registry=self.registry,
        )
        self._state = Gauge(
            "leeward_metadata_state", "1 for how the metadata service stands.", ["state"], registry=self.registry
        )
        self._state_since = Gauge(
            "leeward_metadata_state_since_timestamp_seconds",
            "Since when the metadata service stands so.",
            registry=self.registry,
        )
        self._started = Gauge(
            "leeward_watcher_started_timestamp_seconds", "When this watcher started.", registry=self.registry
        )
        self._last_success = Gauge(
            "leeward_metadata_last_success_timestamp_seconds",
            "When scheduled events were last read.",
            registry=self.registry,
        )
        self._active = Gauge(
            "leeward_events_active", "Events that this watcher sees now.", ["type"], registry=self.registry
        )
        self._connected = Gauge("leeward_bus_connected", "Whether the broker is connected.", registry=self.registry)
        self._ready = Gauge("leeward_ready", "1 while /readyz answers 200.", registry=self.registry)
        self._runs, self._run_seconds = self._responder_series()
        self._deliveries = self._counter("eventgrid_deliveries", "What was posted as Event Grid's.", GridOutcome)
        self._spans = {span: self._span(span) for span in Span}
        self.show_events(())
        for state in MetadataState:
            self._state.labels(state).set(state is MetadataState.WAITING)
        ProcessCollector(registry=self.registry)
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

    def count_run(self, responder: str, phase: Phase, outcome: RunOutcome, seconds: float) -> None:
        """Count a call of a responder, and how long it took unless it was only a dry run."""
        self._runs.labels(responder, phase, outcome).inc()
        if outcome is not RunOutcome.DRY_RUN:
            self._run_seconds.labels(responder, phase).observe(seconds)

    def count_delivery(self, outcome: GridOutcome) -> None:
        """Count something that was posted as Event Grid's."""
        self._deliveries.labels(outcome).inc()

    def observe_event(self, span: Span, kind: str, source: str, seconds: float) -> None:
        """Count a measure of an event; types and sources that are not known are one each."""
        known_type = kind if kind in KNOWN_EVENT_TYPES else OTHER
        known_source = source.lower() if source.lower() in KNOWN_SOURCES else OTHER.lower()
        self._spans[span].labels(known_type, known_source).observe(seconds)

    def count_refused(self, reason: str) -> None:
        """Count a refused message."""
        self._refused.labels(reason).inc()

    def count_early_start(self, approver: Approver) -> None:
        """Count an event that started before its NotBefore."""
        self._early.labels(approver).inc()

    def count_reset(self) -> None:
        """Count a fall of the incarnation."""
        self._resets.inc()

    def follow_readiness(self, missing: Callable[[], Mapping[str, str]]) -> None:
        """Show whether this watcher is ready, from now on: it is while `missing` returns nothing."""
        self._ready.set_function(lambda: not missing())

    def show_start(self, at: datetime) -> None:
        """Note when this watcher started."""
        self._started.set(at.timestamp())

    def show_state(self, present: MetadataState, since: datetime) -> None:
        """Show how the metadata service stands."""
        for state in MetadataState:
            self._state.labels(state).set(state is present)
        self._state_since.set(since.timestamp())

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

    def _span(self, span: Span) -> Histogram:
        """Return a histogram without series: each comes with the first event of its kind.

        All of them would be a thousand lines of zeros on every VM, of which most never see an event.
        """
        return Histogram(
            f"leeward_event_{span}_seconds",
            _SPAN_TEXTS[span],
            ["type", "source"],
            buckets=_SPAN_BUCKETS[span],
            registry=self.registry,
        )

    def _responder_series(self) -> tuple[Counter, Histogram]:
        runs = Counter(
            "leeward_responder_runs_total",
            "Calls of responders, by when and how they ended.",
            ["responder", "phase", "outcome"],
            registry=self.registry,
        )
        seconds = Histogram(
            "leeward_responder_run_seconds",
            "How long calls of responders took.",
            ["responder", "phase"],
            buckets=_RUN_SECONDS,
            registry=self.registry,
        )
        for responder, phase in product(ResponderName, Phase):
            seconds.labels(responder, phase)
            for outcome in RunOutcome:
                runs.labels(responder, phase, outcome)
        return runs, seconds

    def _counter(self, name: str, text: str, values: type[StrEnum], label: str = "outcome") -> Counter:
        counter = Counter(f"leeward_{name}_total", text, [label], registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter
