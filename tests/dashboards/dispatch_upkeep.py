"""The lower half of the dashboard "Dispatch": what replicas, store, clock, callers and secrets do."""

from typing import Final

from tests.dashboards.colours import BAD, GOOD, OUTCOMES
from tests.dashboards.panels import Figure, Limits, Lines, Panel, Query, States
from tests.dashboards.series import in_range, once, per_interval, scheduler


def _mean(histogram: str) -> str:
    total, count = (f"sum(rate({scheduler(f'{histogram}_{part}')}[$__rate_interval]))" for part in ("sum", "count"))
    return f"{total} / {count}"


REPLICAS: Final[tuple[Panel, ...]] = (
    States(
        title="Store, broker and readiness, by replica",
        told="What each replica reaches. One replica alone is its network or its rights; all of them is the server.",
        width=8,
        alerts=("LeewardStoreDown", "LeewardSchedulerBusDown", "LeewardNotReady"),
        queries=(
            Query(expr=f"min by (instance) ({scheduler('leeward_store_up')})", legend="store, {{instance}}"),
            Query(expr=f"min by (instance) ({scheduler('leeward_bus_connected')})", legend="broker, {{instance}}"),
            Query(expr=f"min by (instance) ({scheduler('leeward_ready')})", legend="ready, {{instance}}"),
        ),
        words={"0": ("down", BAD), "1": ("up", GOOD)},
    ),
    Lines(
        title="Leases, and what was taken over",
        told="A takeover is a replica that died (`dead`) or hung (`hung`); what it was running is repeated. Leases "
        "lost are the same as seen by the one that hung: processor starved, or stopped for long.",
        width=8,
        alerts=("LeewardLeaseTakenOver", "LeewardLeaseLost"),
        queries=(
            Query(
                expr=f"sum by (cause) ({per_interval(scheduler('leeward_lease_takeovers_total'))})",
                legend="takeover: {{cause}}",
            ),
            Query(expr=f"sum({per_interval(scheduler('leeward_leases_lost_total'))})", legend="leases lost"),
            Query(
                expr=f"sum({per_interval(scheduler('leeward_rescued_occurrences_total'))})",
                legend="occurrences rescued",
            ),
        ),
        bars=True,
    ),
    Lines(
        title="Outcomes on their way to the store",
        told="What ended and is not recorded yet; rising means that a crash now would repeat it. `refused` were "
        "somebody else's by then: look for lost leases.",
        width=8,
        alerts=("LeewardOutcomesNotRecorded", "LeewardOutcomesRefused"),
        queries=(
            Query(expr=f"sum({scheduler('leeward_outcomes_waiting')})", legend="waiting"),
            Query(expr=f"sum({per_interval(scheduler('leeward_outcomes_refused_total'))})", legend="refused"),
        ),
        colours={"waiting": OUTCOMES["held"], "refused": OUTCOMES["failed"]},
    ),
    Lines(
        title="Clock offset, by replica",
        told="Each machine's clock minus the database's. Jobs run by the database's, so this is a warning about the "
        "machine, and about times in its logs.",
        unit="s",
        width=8,
        alerts=("LeewardClockOff",),
        queries=(
            Query(expr=f"max by (instance) (abs({scheduler('leeward_clock_offset_seconds')}))", legend="{{instance}}"),
        ),
        limits=Limits(bad=1),
    ),
    Lines(
        title="Defects of duties",
        told="A duty met a fault of its own and goes on; the log has it. Report it.",
        width=8,
        alerts=("LeewardDutyFails",),
        queries=(
            Query(expr=f"sum by (duty) ({per_interval(scheduler('leeward_duty_failures_total'))})", legend="{{duty}}"),
        ),
        bars=True,
    ),
    Lines(
        title="Occurrences a claim",
        told="How many occurrences a claim brings, on average. Near 500, the most of one claim, the replicas are as "
        "busy as they can be.",
        width=8,
        queries=(Query(expr=_mean("leeward_claim_batch_occurrences"), legend="a claim"),),
    ),
    Lines(
        title="Processor, by replica",
        told="Share of one core that each replica uses. At one whole core a replica is at its end: add another.",
        unit="percentunit",
        width=12,
        alerts=("LeewardRestarts",),
        queries=(
            Query(
                expr=f"sum by (instance) (rate({scheduler('process_cpu_seconds_total')}[$__rate_interval]))",
                legend="{{instance}}",
            ),
        ),
        limits=Limits(warning=1),
    ),
    Lines(
        title="Memory, by replica",
        told="Resident memory. It grows with what waits and with hosts, and falls again; if it only grows, report it.",
        unit="bytes",
        width=12,
        queries=(
            Query(expr=f"max by (instance) ({scheduler('process_resident_memory_bytes')})", legend="{{instance}}"),
        ),
    ),
)
ACCESS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Callers let in",
        told="Requests of the API whose caller was proven, by what proved them.",
        unit="reqps",
        width=8,
        queries=(
            Query(
                expr=f"sum by (kind) (rate({scheduler('leeward_authentications_total')}[$__rate_interval]))",
                legend="{{kind}}",
            ),
        ),
    ),
    Lines(
        title="Callers turned away",
        told="Requests not let in, by reason, and those beyond their caller's rate. A steady trickle is an expired "
        "token in some program; a flood is somebody who guesses.",
        unit="reqps",
        width=8,
        alerts=("LeewardCallersRefused", "LeewardCallersThrottled", "LeewardIssuerAway"),
        queries=(
            Query(
                expr=f"sum by (reason) (rate({scheduler('leeward_authentication_failures_total')}[$__rate_interval]))",
                legend="{{reason}}",
            ),
            Query(
                expr=f"sum(rate({scheduler('leeward_requests_throttled_total')}[$__rate_interval]))",
                legend="throttled",
            ),
        ),
        colours={"throttled": OUTCOMES["held"]},
    ),
    Lines(
        title="Changes",
        told="Entries of the audit log: who did what is told by `leeward audit`.",
        width=8,
        queries=(
            Query(
                expr=f"sum by (action) ({per_interval(scheduler('leeward_changes_total'))}) > 0",
                legend="{{action}}",
            ),
        ),
        bars=True,
    ),
    Figure(
        title="Files out of order",
        told="Files of keys, tokens or certificates that could not be read, so that what stood in them before is in "
        "force. The log says what is wrong with which.",
        width=6,
        height=4,
        alerts=("LeewardFileNotInForce",),
        queries=(Query(expr=f"count({scheduler('leeward_file_in_force')} == 0) or vector(0)"),),
        limits=Limits(bad=1),
        spark=False,
    ),
    Figure(
        title="Secrets that failed",
        told="Secrets that could not be sealed or opened, in the range shown: a key is missing, or a job names one "
        "that is not there.",
        width=6,
        height=4,
        alerts=("LeewardSecretsFail",),
        queries=(Query(expr=f"round(sum({in_range(scheduler('leeward_secret_failures_total'))}))"),),
        limits=Limits(bad=1),
        spark=False,
    ),
    Figure(
        title="Secrets under old keys",
        told="Jobs whose secrets are not sealed under the present key yet. Keep the old key until this is 0.",
        width=6,
        height=4,
        alerts=("LeewardSecretsUnderOldKeys",),
        queries=(Query(expr=once(scheduler("leeward_secrets_under_old_keys"))),),
        limits=Limits(warning=1),
        spark=False,
    ),
    Figure(
        title="Notices dropped, news deferred",
        told="What the schedulers did not tell or look at in time, in the range shown: execution notices that the "
        "bus was too slow for, and hosts with more news than any host has.",
        width=6,
        height=4,
        alerts=("LeewardNoticesDropped",),
        queries=(
            Query(expr=f"round(sum({in_range(scheduler('leeward_messages_dropped_total'))}))", legend="dropped"),
            Query(expr=f"round(sum({in_range(scheduler('leeward_messages_deferred_total'))}))", legend="deferred"),
        ),
        limits=Limits(warning=1),
        spark=False,
    ),
)
