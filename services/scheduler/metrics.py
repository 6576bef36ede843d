"""The scheduler's metrics: one object, one registry of its own, closed label sets (docs/metrics.md)."""

from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from services.scheduler.domain.acts import Act
from services.scheduler.domain.decisions import CAUSES, Cause
from services.scheduler.domain.hosts import HostCondition, Spared
from shared.messages import DrainState, Presence, Refusal

LATENESS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
KNOWN_EVENT_TYPES = ("Freeze", "Reboot", "Redeploy", "Preempt", "Terminate")
OTHER = "Other"
_MISSED = {
    Cause.COALESCED: "coalesced",
    Cause.WINDOW_PASSED: "window_passed",
    Cause.NOT_CAUGHT_UP: "not_caught_up",
    Cause.UNKNOWN_HOST: "no_host",
    Cause.LOST: "host_lost",
    Cause.NOT_PLANNABLE: "not_plannable",
}
"""Labels of what was missed; every other cause is `other`."""


class Metrics:
    """Every figure the scheduler tells; pass it in, never import one."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self._of_executions(self.registry)
        self._of_targets(self.registry)
        self._of_claims(self.registry)
        self._of_lives(self.registry)
        self._of_secrets(self.registry)
        self._of_callers(self.registry)
        self._of_duties(self.registry)
        self._of_the_fleet(self.registry)
        self._of_events(self.registry)
        self._of_the_bus(self.registry)
        ProcessCollector(registry=self.registry)
        self.ready = Gauge("leeward_ready", "1 while /readyz answers 200.", registry=self.registry)
        build = Gauge("leeward_build_info", "Always 1; the version is a label.", ["version"], registry=self.registry)
        build.labels(version).set(1)

    def _of_executions(self, registry: CollectorRegistry) -> None:
        self.executions = Counter(
            "leeward_executions_total",
            "Attempts and occurrences that ended, by outcome.",
            ["outcome"],
            registry=registry,
        )
        outcomes = ("succeeded", "failed", "held", "released", "rerouted", "skipped", "missed", "repeated")
        self.executed = {outcome: self.executions.labels(outcome) for outcome in outcomes}
        self.missed = Counter(
            "leeward_missed_occurrences_total",
            "Occurrences that were not run and not caught up, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in (*_MISSED.values(), OTHER.lower()):
            self.missed.labels(reason)
        decisions = Counter(
            "leeward_decisions_total",
            "Decisions about occurrences: what was decided, and why.",
            ["decision", "cause"],
            registry=registry,
        )
        self.decided = {
            (verdict, cause): decisions.labels(verdict.value, cause.value)
            for verdict, causes in CAUSES.items()
            for cause in causes
        }
        self.lateness = Histogram(
            "leeward_dispatch_lateness_seconds",
            "From the instant an attempt should start to its start.",
            registry=registry,
            buckets=LATENESS_BUCKETS,
        )
        self.duration = Histogram(
            "leeward_execution_duration_seconds",
            "How long attempts take.",
            registry=registry,
            buckets=DURATION_BUCKETS,
        )
        self.running = Gauge("leeward_executions_running", "Attempts running now.", registry=registry)
        self.crossing = Gauge(
            "leeward_executions_crossing",
            "Attempts running now that will not have ended, as far as is known, when an event of their host begins.",
            registry=registry,
        )

    def _of_targets(self, registry: CollectorRegistry) -> None:
        self.targets_full = Gauge(
            "leeward_targets_full", "Targets with as many attempts under way as they may have.", registry=registry
        )
        self.targets_waiting = Gauge(
            "leeward_targets_waiting_occurrences", "Due occurrences that wait for a full target.", registry=registry
        )
        self.deferred = Counter(
            "leeward_deferred_occurrences_total",
            "Due occurrences put off: too many waited for their target or host, or only other replicas may start them.",
            registry=registry,
        )

    def _of_claims(self, registry: CollectorRegistry) -> None:
        self.claim_batch = Histogram(
            "leeward_claim_batch_occurrences",
            "Occurrences per claim that found any.",
            registry=registry,
            buckets=BATCH_BUCKETS,
        )
        self.backlog = Gauge(
            "leeward_backlog_jobs",
            "Jobs past their due instant and not claimed; 10,000 means that or more.",
            registry=registry,
        )
        self.oldest_due = Gauge(
            "leeward_oldest_due_seconds",
            "How long what waits to be claimed has been due, the longest; 0 when nothing waits.",
            registry=registry,
        )
        self.occurrences = Gauge(
            "leeward_occurrences",
            "Unfinished occurrences by state; 10,000 means that or more.",
            ["state"],
            registry=registry,
        )
        self.jobs = Gauge("leeward_jobs", "Jobs by state.", ["state"], registry=registry)
        self.refused_outcomes = Counter(
            "leeward_outcomes_refused_total",
            "Outcomes of claims that were no longer this replica's.",
            registry=registry,
        )
        self.outcomes_waiting = Gauge(
            "leeward_outcomes_waiting", "Outcomes that are not in the store yet.", registry=registry
        )
        self.outcomes_written = Counter(
            "leeward_outcomes_written_total", "Outcomes that were written into the store.", registry=registry
        )

    def _of_lives(self, registry: CollectorRegistry) -> None:
        self.rescued = Counter(
            "leeward_rescued_occurrences_total", "Claims taken over from dead replicas.", registry=registry
        )
        self.lease_takeovers = Counter(
            "leeward_lease_takeovers_total",
            "Lives of other replicas that this one took over: dead processes, and hung ones at the end of their lease.",
            ["cause"],
            registry=registry,
        )
        for cause in ("dead", "hung"):
            self.lease_takeovers.labels(cause)
        self.leases_lost = Counter("leeward_leases_lost_total", "Leases that another replica ended.", registry=registry)
        self.clock_offset = Gauge(
            "leeward_clock_offset_seconds",
            "This machine's clock minus the database's, by which jobs run.",
            registry=registry,
        )
        self.clock_steps = Counter(
            "leeward_clock_steps_total",
            "Times that the clock by which jobs run was set by 0.1 s or more.",
            registry=registry,
        )

    def _of_secrets(self, registry: CollectorRegistry) -> None:
        self.secrets_under_old_keys = Gauge(
            "leeward_secrets_under_old_keys",
            "Jobs with secrets that are not sealed under the present key; 10,000 means that or more.",
            registry=registry,
        )
        self.secret_failures = Counter(
            "leeward_secret_failures_total",
            "Secrets that could not be sealed (no_key, bad_reference) or opened, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in ("no_key", "bad_reference", "unknown_key", "missing", "refused"):
            self.secret_failures.labels(reason)

    def _of_callers(self, registry: CollectorRegistry) -> None:
        self.authentications = Counter(
            "leeward_authentications_total",
            "Requests whose caller was proven, by what.",
            ["kind"],
            registry=registry,
        )
        self.authentication_failures = Counter(
            "leeward_authentication_failures_total", "Requests not let in, by reason.", ["reason"], registry=registry
        )
        self.requests_throttled = Counter(
            "leeward_requests_throttled_total", "Requests of callers beyond their rate.", registry=registry
        )
        self.files_in_force = Gauge(
            "leeward_file_in_force",
            "0 while a file (keys, tokens, certificate) is out of order, so that its content before stays in force.",
            ["file"],
            registry=registry,
        )
        self.issuer_up = Gauge(
            "leeward_oidc_issuer_up",
            "1 while the OIDC issuer gives its keys, 0 while it does not; NaN without one.",
            registry=registry,
        )
        self.issuer_up.set(nan)

    def _of_duties(self, registry: CollectorRegistry) -> None:
        self.pruned = Counter("leeward_pruned_rows_total", "History rows deleted by age or number.", registry=registry)
        self.duty_failures = Counter(
            "leeward_duty_failures_total",
            "Defects that a duty of this process met and outlived.",
            ["duty"],
            registry=registry,
        )
        for duty in ("approvals", "clock", "durations", "engine", "fleet", "holds", "lease", "policies", "steward"):
            self.duty_failures.labels(duty)
        self.changes = Counter(
            "leeward_changes_total", "Entries of the audit log written by this replica.", ["action"], registry=registry
        )
        for act in Act:
            self.changes.labels(act.value)
        self.store_up = Gauge("leeward_store_up", "1 while the database answers.", registry=registry)

    def _of_the_fleet(self, registry: CollectorRegistry) -> None:
        self.hosts = Gauge("leeward_hosts", "Known hosts by condition.", ["condition"], registry=registry)
        for condition in HostCondition:
            self.hosts.labels(condition.value)
        self.hosts_lost = Gauge(
            "leeward_hosts_lost",
            "Hosts that a Preempt or Terminate has taken and that have not come back, each for a day.",
            registry=registry,
        )
        self.watchers = Gauge(
            "leeward_watchers",
            "Known hosts by whether their watcher is heard; not those that are lost.",
            ["state"],
            registry=registry,
        )
        for state in Presence:
            self.watchers.labels(state.value)
        self.hosts_full = Gauge(
            "leeward_hosts_full", "Hosts with as many attempts as this replica may have there.", registry=registry
        )
        self.spared = {
            Spared.SHARE: Counter(
                "leeward_pool_share_exceeded_total",
                "Hosts that an event did not keep jobs off, as one event may not take more of their pool.",
                registry=registry,
            ),
            Spared.HOLD: Counter(
                "leeward_holds_ended_total",
                "Hosts that an event keeps jobs off no more, as it had done so for as long as it may.",
                registry=registry,
            ),
        }

    def _of_events(self, registry: CollectorRegistry) -> None:
        self.events_active = Gauge(
            "leeward_events_active", "Events that threaten a host now, by type.", ["type"], registry=registry
        )
        for kind in (*KNOWN_EVENT_TYPES, OTHER):
            self.events_active.labels(kind)
        self.drains = Gauge(
            "leeward_drains", "Hosts of events now, by how far they are emptied for them.", ["state"], registry=registry
        )
        for state in DrainState:
            self.drains.labels(state.value)
        self.drain_seconds = Histogram(
            "leeward_drain_duration_seconds",
            "From an event's first sight to its hosts being drained.",
            registry=registry,
            buckets=DURATION_BUCKETS,
        )
        self.approvals = Counter(
            "leeward_approvals_total", "Approvals asked of watchers, by outcome.", ["outcome"], registry=registry
        )
        for outcome in ("approved", "refused", "objected", "unanswered", "foreign"):
            self.approvals.labels(outcome)
        self.approvals_waiting = Gauge(
            "leeward_approvals_waiting",
            "Events whose hosts are drained, that may be approved, and that no watcher has approved yet.",
            registry=registry,
        )

    def _of_the_bus(self, registry: CollectorRegistry) -> None:
        self.bus_connected = Gauge("leeward_bus_connected", "1 while the broker is connected.", registry=registry)
        self.messages_refused = Counter(
            "leeward_messages_refused_total", "Messages refused, by reason.", ["reason"], registry=registry
        )
        for reason in Refusal:
            self.messages_refused.labels(reason.value)
        self.messages_deferred = Counter(
            "leeward_messages_deferred_total",
            "News of hosts that have more of it than any host has, looked at with the next second.",
            registry=registry,
        )
        self.messages_dropped = Counter(
            "leeward_messages_dropped_total", "Execution notices dropped because the bus lagged.", registry=registry
        )


def missed_label(cause: Cause) -> str:
    """Return the metric label of why an occurrence was missed."""
    return _MISSED.get(cause, OTHER.lower())


def event_label(kind: str) -> str:
    """Return the metric label of an event type; unknown ones share a label, so that the set stays closed."""
    return kind if kind in KNOWN_EVENT_TYPES else OTHER
