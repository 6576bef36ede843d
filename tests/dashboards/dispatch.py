"""The dashboard "Dispatch": whether jobs start when they should, and what keeps them where they do not."""

from typing import Final

from tests.dashboards.colours import DECISIONS, OCCURRENCES, OUTCOMES, QUANTILES
from tests.dashboards.dispatch_upkeep import ACCESS, REPLICAS
from tests.dashboards.links import TRACES
from tests.dashboards.panels import CALM, Board, Figure, Heat, Limits, Lines, Panel, Query, Row
from tests.dashboards.series import once, per_interval, quantile, scheduler

_LATENESS = "leeward_dispatch_lateness_seconds_bucket"
_DURATION = "leeward_execution_duration_seconds_bucket"
_ENDED: Final = scheduler("leeward_executions_total")
_DECIDED: Final = scheduler("leeward_decisions_total")


def _figure(title: str, told: str, expr: str, *alerts: str, unit: str = "short", limits: Limits = CALM) -> Panel:
    query = Query(expr=expr)
    return Figure(title=title, told=told, unit=unit, width=3, height=4, alerts=alerts, queries=(query,), limits=limits)


def _connection(title: str, told: str, metric: str, alert: str) -> Panel:
    return Figure(
        title=title,
        told=told,
        width=3,
        height=4,
        alerts=(alert,),
        queries=(Query(expr=f"min({scheduler(metric)})"),),
        limits=Limits(bad=1, falling=True),
        words={"0": "down", "1": "up"},
        spark=False,
    )


def _share_failed() -> str:
    failed, both = (
        f"sum(rate({scheduler('leeward_executions_total', outcome=which)}[$__rate_interval]))"
        for which in ("failed", "~failed|succeeded")
    )
    return f"{failed} / ({both} > 0) or vector(0)"


def _share_late() -> str:
    on_time = f"sum(rate({scheduler(_LATENESS, le='1.0')}[$__rate_interval]))"
    every = f"sum(rate({scheduler('leeward_dispatch_lateness_seconds_count')}[$__rate_interval]))"
    return f"1 - {on_time} / ({every} > 0)"


def _quantiles(buckets: str) -> tuple[Query, ...]:
    return tuple(
        (
            Query(expr=quantile(share, scheduler(buckets)), legend=name, exemplars=name == "p99")
            for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
        )
    )


_NOW: Final[tuple[Panel, ...]] = (
    _connection(
        "Store",
        "0 while the database of at least one replica does not answer: it claims and records nothing until it is "
        "back. Outcomes wait in memory meanwhile.",
        "leeward_store_up",
        "LeewardStoreDown",
    ),
    _connection(
        "Broker",
        "0 while a replica is not connected to the broker. Jobs run on by what was known of the hosts; new events do "
        "not arrive.",
        "leeward_bus_connected",
        "LeewardSchedulerBusDown",
    ),
    _figure(
        "Lateness, p99",
        "99 of 100 attempts started no later than this after their instant. Above a second look at the rows below: "
        "backlog (too few replicas, slow store) or full targets.",
        quantile(0.99, scheduler(_LATENESS)),
        unit="s",
        limits=Limits(warning=1, bad=5),
    ),
    _figure(
        "Oldest due",
        "How long what waits to be claimed has been due. It grows when no replica claims, or more is due than they "
        "take.",
        f"max({scheduler('leeward_oldest_due_seconds')})",
        "LeewardNothingIsClaimed",
        unit="s",
        limits=Limits(warning=5, bad=60),
    ),
    _figure(
        "Backlog",
        "Jobs past their instant and not claimed; 10,000 means that or more. A burst is gone in seconds; if it "
        "stays, add replicas.",
        once(scheduler("leeward_backlog_jobs")),
        "LeewardBacklogGrows",
        limits=Limits(warning=100, bad=10_000),
    ),
    _figure("Running", "Attempts under way, over all replicas.", f"sum({scheduler('leeward_executions_running')})"),
    _figure(
        "Failed",
        "Share of the attempts that failed. Look at the job's history for the answers of its target; a target that "
        "is down fails all of its jobs at once.",
        _share_failed(),
        "LeewardExecutionsFail",
        unit="percentunit",
        limits=Limits(warning=0.05, bad=0.5),
    ),
    _figure(
        "Clock",
        "The largest offset of a replica's clock to the database's, by which jobs run. Beyond a second repair the "
        "time service of that machine.",
        f"max(abs({scheduler('leeward_clock_offset_seconds')}))",
        "LeewardClockOff",
        unit="s",
        limits=Limits(warning=0.1, bad=1),
    ),
)
_EXECUTIONS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Attempts and occurrences, by outcome",
        told="What ended each second. `failed` are answers of targets; `held`, `rerouted` and `missed` are explained "
        "on Fleet weather.",
        unit="ops",
        alerts=("LeewardExecutionsFail",),
        queries=(Query(expr=f"sum by (outcome) (rate({_ENDED}[$__rate_interval]))", legend="{{outcome}}"),),
        colours=OUTCOMES,
    ),
    Lines(
        title="Lateness",
        told="From the instant an attempt should start to its start. The points are attempts with a trace: a click "
        "leads there. All quantiles rising is the store or the machine; only p99 is full targets or hosts.",
        unit="s",
        queries=(*_quantiles(_LATENESS),),
        colours=QUANTILES,
        limits=Limits(bad=1),
        links=(TRACES,),
    ),
    Heat(
        title="Lateness, all of it",
        told="How many attempts started how late. A second band above the usual one is one slow target, pool or "
        "replica.",
        unit="s",
        width=8,
        queries=(Query(expr=f"sum by (le) ({per_interval(scheduler(_LATENESS))})", legend="{{le}}", exemplars=True),),
        links=(TRACES,),
    ),
    Lines(
        title="Later than a second",
        told="Share of the attempts that started more than a second late. The objective is one in a hundred over a "
        "month (the dashed line); an hour far above it uses the month up, and alerts.",
        unit="percentunit",
        width=8,
        alerts=("LeewardLatenessBudgetBurnsFast", "LeewardLatenessBudgetBurnsSlowly"),
        queries=(Query(expr=_share_late(), legend="late"),),
        colours={"late": OUTCOMES["held"]},
        limits=Limits(warning=0.01),
    ),
    Lines(
        title="How long attempts take",
        told="From request to answer. Calls that reach their job's time limit keep their target's places; durations "
        "that grow on one host are that host's.",
        unit="s",
        width=8,
        queries=(*_quantiles(_DURATION),),
        colours=QUANTILES,
        links=(TRACES,),
    ),
)
_WAITING: Final[tuple[Panel, ...]] = (
    Lines(
        title="Unfinished occurrences, by state",
        told="`ready` are nobody's until their instant, `claimed` are a replica's, `held` wait for their host. "
        "10,000 means that or more.",
        width=8,
        queries=(Query(expr=once(scheduler("leeward_occurrences"), "state"), legend="{{state}}"),),
        colours=OCCURRENCES,
        stacked=True,
    ),
    Lines(
        title="Backlog, and running on each replica",
        told="Due and not claimed, against what runs. Replicas that differ for long: one holds long executions, or "
        "its store connection is slow.",
        width=8,
        queries=(
            Query(expr=once(scheduler("leeward_backlog_jobs")), legend="backlog"),
            Query(expr=f"sum by (instance) ({scheduler('leeward_executions_running')})", legend="runs on {{instance}}"),
        ),
        colours={"backlog": OUTCOMES["held"]},
    ),
    Lines(
        title="Full targets and hosts",
        told="Targets and hosts with as many attempts as they may have, and what waits for the targets. For minutes: "
        "a target hangs, or LEEWARD_TARGET_CONCURRENCY or the hosts' capacity is too small.",
        width=8,
        alerts=("LeewardTargetsFull", "LeewardHostsFull", "LeewardOccurrencesDeferred"),
        queries=(
            Query(expr=f"sum({scheduler('leeward_targets_full')})", legend="targets full"),
            Query(expr=f"sum({scheduler('leeward_targets_waiting_occurrences')})", legend="wait for targets"),
            Query(expr=f"sum({scheduler('leeward_hosts_full')})", legend="hosts full"),
            Query(expr=f"sum({per_interval(scheduler('leeward_deferred_occurrences_total'))})", legend="put off"),
        ),
        colours={"targets full": OUTCOMES["failed"], "hosts full": OUTCOMES["rerouted"]},
    ),
)
_DECISIONS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Decisions",
        told="What was decided about occurrences each second.",
        unit="ops",
        width=8,
        queries=(Query(expr=f"sum by (decision) (rate({_DECIDED}[$__rate_interval]))", legend="{{decision}}"),),
        colours=DECISIONS,
    ),
    Lines(
        title="By cause",
        told="The causes that occur, of all decisions. `home`, `spread`, `sticky`, `random` and `least_urgent` are "
        "placement as usual; the rest is weather, policy or want of room (docs/lifecycle.md).",
        unit="ops",
        width=8,
        queries=(
            Query(
                expr=f"sum by (decision, cause) (rate({_DECIDED}[$__rate_interval])) > 0",
                legend="{{decision}}: {{cause}}",
            ),
        ),
    ),
    Lines(
        title="Missed, by reason",
        told="Occurrences that were not run and not caught up. `no_host`: bring a host back or widen the placement; "
        "`window_passed` and `not_caught_up`: the job's catch-up and windows say so.",
        width=8,
        alerts=("LeewardOccurrencesMissed", "LeewardCatchUpWindowPassed"),
        queries=(
            Query(
                expr=f"sum by (reason) ({per_interval(scheduler('leeward_missed_occurrences_total'))})",
                legend="{{reason}}",
            ),
        ),
        bars=True,
    ),
)
DISPATCH: Final = Board(
    uid="leeward-dispatch",
    title="Leeward / Dispatch",
    told="How many jobs run, how late, what waits and why, and how the replicas and their store do.",
    since="now-1h",
    rows=(
        Row(title="Now", panels=_NOW),
        Row(title="Executions", panels=_EXECUTIONS),
        Row(title="Waiting", panels=_WAITING),
        Row(title="Decisions", panels=_DECISIONS),
        Row(title="Replicas, store and time", panels=REPLICAS),
        Row(title="Access, changes and secrets", panels=ACCESS),
    ),
)
