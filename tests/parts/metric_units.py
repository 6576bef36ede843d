"""What each metric counts or measures, in one word: from its name where that says it, else from here."""

COUNTED = {
    "leeward_approvals": "approvals",
    "leeward_approvals_waiting": "events",
    "leeward_authentication_failures": "requests",
    "leeward_authentications": "requests",
    "leeward_backlog_jobs": "jobs",
    "leeward_changes": "entries",
    "leeward_claim_batch_occurrences": "occurrences",
    "leeward_clock_steps": "steps",
    "leeward_decisions": "occurrences",
    "leeward_deferred_occurrences": "occurrences",
    "leeward_drains": "hosts",
    "leeward_duty_failures": "defects",
    "leeward_early_starts": "events",
    "leeward_eventgrid_deliveries": "deliveries",
    "leeward_events_active": "events",
    "leeward_executions": "attempts",
    "leeward_executions_crossing": "attempts",
    "leeward_executions_running": "attempts",
    "leeward_holds_ended": "hosts",
    "leeward_hosts": "hosts",
    "leeward_hosts_full": "hosts",
    "leeward_hosts_lost": "hosts",
    "leeward_incarnation_resets": "resets",
    "leeward_jobs": "jobs",
    "leeward_lease_takeovers": "lives",
    "leeward_leases_lost": "leases",
    "leeward_messages_deferred": "messages",
    "leeward_messages_dropped": "messages",
    "leeward_messages_refused": "messages",
    "leeward_metadata_requests": "requests",
    "leeward_missed_occurrences": "occurrences",
    "leeward_notices": "notices",
    "leeward_occurrences": "occurrences",
    "leeward_outcomes_refused": "outcomes",
    "leeward_outcomes_waiting": "outcomes",
    "leeward_outcomes_written": "outcomes",
    "leeward_pool_share_exceeded": "hosts",
    "leeward_pruned_rows": "rows",
    "leeward_requests_throttled": "requests",
    "leeward_rescued_occurrences": "claims",
    "leeward_responder_runs": "calls",
    "leeward_secret_failures": "secrets",
    "leeward_secrets_under_old_keys": "jobs",
    "leeward_targets_full": "targets",
    "leeward_targets_waiting_occurrences": "occurrences",
    "leeward_watchers": "hosts",
    "process_max_fds": "files",
    "process_open_fds": "files",
}
YES_OR_NO = frozenset(
    {
        "leeward_build_info",
        "leeward_bus_connected",
        "leeward_file_in_force",
        "leeward_metadata_state",
        "leeward_oidc_issuer_up",
        "leeward_ready",
        "leeward_store_up",
    }
)
_INSTANTS = ("_timestamp_seconds", "_start_time_seconds")


def unit_of(name: str) -> str:
    """Return what a metric (its name without `_total`) is counted in. Raises KeyError for one that is not here."""
    if name.endswith(_INSTANTS):
        return "seconds since 1970"
    if name.endswith("_seconds"):
        return "seconds"
    if name.endswith("_bytes"):
        return "bytes"
    return "1 or 0" if name in YES_OR_NO else COUNTED[name]
