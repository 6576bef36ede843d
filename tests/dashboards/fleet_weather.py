"""The dashboard "Fleet weather": what threatens the hosts, what it does to jobs, and whether anybody is watching."""

from typing import Final

from tests.dashboards.colours import DECISIONS, DRAINS, EVENTS, HOSTS, OUTCOMES, STATES
from tests.dashboards.events import events_table
from tests.dashboards.fleet_watchers import AGE, WATCHERS
from tests.dashboards.panels import Board, Figure, Limits, Lines, Panel, Query, Row
from tests.dashboards.series import alerts, anybody, in_range, once, per_interval, scheduler, watcher

_BY_CONDITION: Final = scheduler("leeward_hosts")
_AVAILABLE: Final = scheduler("leeward_hosts", condition="available")
_MOVED: Final = "~held|released|rerouted|repeated|missed"
_STEERED: Final = scheduler("leeward_decisions_total", decision="~held|rerouted|cancelled|missed")


def _rarity(title: str, told: str, selected: str, *alerts: str) -> Panel:
    return Figure(
        title=title,
        told=told,
        width=4,
        height=4,
        alerts=alerts,
        queries=(Query(expr=f"round(sum({in_range(selected)}))"),),
        limits=Limits(warning=1),
        spark=False,
    )


def _count(title: str, told: str, expr: str, *alerts: str) -> Panel:
    query = Query(expr=expr)
    return Figure(title=title, told=told, width=4, height=4, alerts=alerts, queries=(query,), limits=Limits(bad=1))


_NOW: Final[tuple[Panel, ...]] = (
    Figure(
        title="Events",
        told="Events that threaten a host now. Jobs leave those hosts; look below which type it is, and at `leeward "
        "event list` for the hosts.",
        width=4,
        height=4,
        queries=(Query(expr=f"sum(max by (fleet, type) ({scheduler('leeward_events_active')}))"),),
        limits=Limits(warning=1),
    ),
    Figure(
        title="Hosts that take jobs",
        told="Share of the known hosts that no event, cordon or silence keeps jobs off. Below a half, pools may have "
        "nowhere to reroute to and hold their jobs instead.",
        unit="percentunit",
        width=4,
        height=4,
        queries=(Query(expr=f"{once(_AVAILABLE)} / sum(max by (fleet, condition) ({_BY_CONDITION}))"),),
        limits=Limits(warning=0.9, bad=0.5, falling=True),
    ),
    _count(
        "Silent hosts",
        "Hosts whose event nobody has seen end, as no watcher reports from there; lost ones are counted beside. Find "
        "out whether the VM lives; `leeward host release` lets jobs back if it does.",
        f"{once(scheduler('leeward_hosts', condition='silent'))} - {once(scheduler('leeward_hosts_lost'))}",
        "LeewardHostSilent",
    ),
    _count(
        "Lost hosts",
        "Hosts that a Preempt or Terminate took within a day and that have not come back. Jobs pinned to one are "
        "missed: give them a pool, or bring the host back.",
        once(scheduler("leeward_hosts_lost")),
        "LeewardHostsLost",
    ),
    Figure(
        title="Blind watchers",
        told="Watchers that have not read the metadata service for a minute. What they last saw stands, so nothing "
        "new is known of their hosts. `/readyz` of the watcher says why and what to do. After ten minutes it is an "
        "alert.",
        width=4,
        height=4,
        alerts=("LeewardWatcherBlind", "LeewardMetadataFailing"),
        queries=(Query(expr=f"count({AGE} > 60) or vector(0)"),),
        limits=Limits(warning=1),
    ),
    _count(
        "Alerts",
        "Alerts of Leeward that fire now. The link at the head of this page lists them.",
        f"count({alerts(alertstate='firing')}) or vector(0)",
    ),
)
_HOSTS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Hosts by condition",
        told="Every known host once, by the worst that is known of it. A band of `silent` that stays asks for "
        "somebody to look; `cordoned` without an event was done by hand.",
        queries=(Query(expr=once(scheduler("leeward_hosts"), "condition"), legend="{{condition}}"),),
        colours=HOSTS,
        stacked=True,
    ),
    Lines(
        title="Events, by type",
        told="Events that threaten a host, from their first sight to their end. Many Freezes in a row are a platform "
        "update; a Preempt takes its host for good.",
        queries=(Query(expr=once(scheduler("leeward_events_active"), "type"), legend="{{type}}"),),
        colours=EVENTS,
        stacked=True,
    ),
)
_JOBS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Held, released, moved",
        told="Occurrences that an event or cordon moved in time or place. `missed` are gone: look at their job's "
        "placement and catch-up. `repeated` are retries, and what a crash left in doubt.",
        width=9,
        alerts=("LeewardOccurrencesMissed",),
        queries=(
            Query(
                expr=f"sum by (outcome) ({per_interval(scheduler('leeward_executions_total', outcome=_MOVED))})",
                legend="{{outcome}}",
            ),
        ),
        colours=OUTCOMES,
        bars=True,
    ),
    Lines(
        title="Why",
        told="The causes of decisions to hold, reroute, break off or give up. `event` and `deadline` are the "
        "weather; `full` and `unplaced` are too few hosts; `leeward job decisions` tells of each in words.",
        width=9,
        queries=(
            Query(
                expr=f"sum by (decision, cause) ({per_interval(_STEERED)}) > 0",
                legend="{{decision}}: {{cause}}",
            ),
        ),
        bars=True,
    ),
    Lines(
        title="Occurrences held now",
        told="What waits for its host to come back, over all jobs. It falls when events end; if it does not, a host "
        "is silent or was cordoned by hand.",
        width=6,
        alerts=("LeewardJobsHeldLong",),
        queries=(Query(expr=once(scheduler("leeward_occurrences", state="held")), legend="held"),),
        colours=DECISIONS,
        stacked=True,
    ),
    Figure(
        title="Attempts that will be cut",
        told="Attempts that will not have ended, as far as is known, when an event of their host begins. `atDeadline` "
        "of the job says whether they are broken off, moved, or left to their luck.",
        width=4,
        height=4,
        alerts=("LeewardExecutionsWillBeCut",),
        queries=(Query(expr=f"sum({scheduler('leeward_executions_crossing')})"),),
        limits=Limits(warning=1),
    ),
    Figure(
        title="Drained, not approved",
        told="Events that could start: their hosts are drained and the policy allows it. A responder's block stands, "
        "or no watcher can tell Azure.",
        width=4,
        height=4,
        alerts=("LeewardApprovalWaits",),
        queries=(Query(expr=once(scheduler("leeward_approvals_waiting"))),),
        limits=Limits(warning=1),
    ),
    _rarity(
        "Hosts beyond a pool's share",
        "Hosts that an event did not keep jobs off, in the range shown, as it would have taken more of their pool "
        "than LEEWARD_EVENT_POOL_SHARE. Jobs ran where an event was announced.",
        scheduler("leeward_pool_share_exceeded_total"),
        "LeewardPoolShareExceeded",
    ),
    _rarity(
        "Holds that ended by age",
        "Hosts that an event kept jobs off for as long as it may, in the range shown. Jobs use them again: look "
        "whether the event is real.",
        scheduler("leeward_holds_ended_total"),
        "LeewardHoldEnded",
    ),
    _rarity(
        "Early starts, approved elsewhere",
        "Events that started before NotBefore although this fleet's watchers had not approved them, in the range "
        "shown: a neighbour did, or another program on the VM.",
        watcher("leeward_early_starts_total", approved="elsewhere"),
        "LeewardStartedByOthers",
    ),
    _rarity(
        "Messages refused",
        "Messages that were not valid, or not their sender's to say, in the range shown. The log names the topic; a "
        "program with wrong rights or an old version is the usual reason.",
        anybody("leeward_messages_refused_total"),
        "LeewardMessagesForged",
        "LeewardMessagesUnreadable",
        "LeewardOutboxFull",
    ),
)
_EVENTS: Final[tuple[Panel, ...]] = (
    events_table(watcher, width=12),
    Lines(
        title="Hosts being emptied",
        told="Hosts of events, by how far they are emptied. `overdue`: NotBefore came while something ran there, and "
        "it may be cut off. How long drains take is in the table beside.",
        width=6,
        alerts=("LeewardDrainOverdue",),
        queries=(Query(expr=once(scheduler("leeward_drains"), "state"), legend="{{state}}"),),
        colours=DRAINS,
        stacked=True,
    ),
    Lines(
        title="Approvals asked for",
        told="What became of asking watchers to let an event start. `unanswered` watchers are offline; `foreign` "
        "were given by somebody else; `refused` are told in the watcher's log.",
        width=6,
        alerts=("LeewardApprovalsFail", "LeewardStartedByOthers"),
        queries=(
            Query(
                expr=f"sum by (outcome) ({per_interval(scheduler('leeward_approvals_total'))})",
                legend="{{outcome}}",
            ),
        ),
        colours={"approved": STATES["active"], "refused": STATES["failing"], "unanswered": STATES["waiting"]},
        bars=True,
    ),
)
FLEET_WEATHER: Final = Board(
    uid="leeward-fleet-weather",
    title="Leeward / Fleet weather",
    told="Hosts and the events that threaten them, what that did to jobs, and how well the fleet is watched.",
    since="now-6h",
    rows=(
        Row(title="Now", panels=_NOW),
        Row(title="Hosts and events", panels=_HOSTS),
        Row(title="What events did to jobs", panels=_JOBS),
        Row(title="How events went", panels=_EVENTS),
        Row(title="Watchers", panels=WATCHERS),
    ),
)
