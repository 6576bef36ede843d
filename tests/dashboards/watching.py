"""The dashboard "Watcher": what one VM's watcher sees and does, or all of them."""

from typing import Final

from tests.dashboards.colours import BAD, BLUE, BROWN, EVENTS, GOOD, GREY, NOTICES, ORANGE, PINK, RED, SKY
from tests.dashboards.events import events_table
from tests.dashboards.fleet_watchers import AGE
from tests.dashboards.panels import CALM, Board, Column, Figure, Limits, Lines, Panel, Query, Row, States, Table
from tests.dashboards.series import in_range, per_interval, quantile, watcher

_STATES: Final = ("none", "active", "activating", "waiting", "failing")
_REQUESTS: Final = {
    "ok": GOOD,
    "unchanged": SKY,
    "throttled": ORANGE,
    "server_error": RED,
    "timeout": PINK,
    "unreachable": BROWN,
    "gone": GREY,
}
_REQUESTED: Final = watcher("leeward_metadata_requests_total")
_NUMBERED: Final = " + ".join(
    (
        f"sum by (instance) ({watcher('leeward_metadata_state', state=state)}) * {value}"
        for value, state in enumerate(_STATES)
    )
)
_STATE_COLOURS: Final = (GREY, GOOD, SKY, ORANGE, BAD)
_RUNS: Final = watcher("leeward_responder_runs_total")


def _figure(title: str, told: str, expr: str, *alerts: str, unit: str = "short", limits: Limits = CALM) -> Panel:
    query = Query(expr=expr)
    return Figure(title=title, told=told, unit=unit, width=4, height=4, alerts=alerts, queries=(query,), limits=limits)


def _running_for() -> str:
    started = f"max by (instance) ({watcher('leeward_watcher_started_timestamp_seconds')})"
    builds = f"max by (instance, version) ({watcher('leeward_build_info')})"
    return f"{builds} * on (instance) group_left () (time() - {started})"


_NOW: Final[tuple[Panel, ...]] = (
    _figure("Watchers", "How many watchers are chosen and scraped.", f"count({watcher('leeward_bus_connected')})"),
    _figure(
        "Failing",
        "Watchers whose metadata service does not answer, or not with a document. What they last saw stands. "
        "`leeward-vmwatch --print` on the VM says what to do.",
        f"sum({watcher('leeward_metadata_state', state='failing')})",
        "LeewardMetadataFailing",
        limits=Limits(bad=1),
    ),
    _figure(
        "Last success",
        "How long ago the one that has seen nothing for longest last read its events. Beyond a minute it is blind.",
        f"max({AGE})",
        "LeewardWatcherBlind",
        unit="s",
        limits=Limits(warning=60, bad=600),
    ),
    _figure(
        "Off the bus",
        "Watchers that are not connected to the broker. They keep their news and tell it when they are.",
        f"sum({watcher('leeward_bus_connected')} == bool 0)",
        "LeewardWatcherBusDown",
        limits=Limits(bad=1),
    ),
    _figure(
        "Events",
        "Events that these watchers see. VMs of one scale set see each other's, so that one event may count several "
        "times here.",
        f"sum({watcher('leeward_events_active')})",
        limits=Limits(warning=1),
    ),
    _figure(
        "Youngest watcher",
        "Since when the watcher that started last runs. Always minutes ago is a crash loop: look at its log.",
        f"time() - max({watcher('leeward_watcher_started_timestamp_seconds')})",
        "LeewardRestarts",
        unit="s",
    ),
)
_METADATA: Final[tuple[Panel, ...]] = (
    Lines(
        title="Requests, by outcome",
        told="What the metadata service answered, of the outcomes that occur. `throttled` beside `ok`: another "
        "program on the VM asks too often; a watcher itself keeps below five a second.",
        unit="reqps",
        width=8,
        alerts=("LeewardMetadataThrottled",),
        queries=(Query(expr=f"sum by (outcome) (rate({_REQUESTED}[$__rate_interval])) > 0", legend="{{outcome}}"),),
        colours=_REQUESTS,
    ),
    States(
        title="State, by VM",
        told="How the metadata service stands for each watcher. `activating` for minutes is usual after the first "
        "start on a VM; `waiting` for its first answer up to two minutes; `none`: another source tells of this VM.",
        width=8,
        alerts=("LeewardMetadataFailing",),
        queries=(Query(expr=_NUMBERED, legend="{{instance}}"),),
        words={str(value): (state, _STATE_COLOURS[value]) for value, state in enumerate(_STATES)},
    ),
    Lines(
        title="Age of the last success, by VM",
        told="Seconds since events were last read. It jumps between polls; a line that climbs is a watcher gone blind.",
        unit="s",
        width=8,
        alerts=("LeewardWatcherBlind",),
        queries=(
            Query(
                expr=AGE,
                legend="{{instance}}",
            ),
        ),
        limits=Limits(warning=60, bad=600),
    ),
)
_EVENTS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Events seen, by type",
        told="What these watchers see of events, each by itself.",
        width=8,
        queries=(Query(expr=f"sum by (type) ({watcher('leeward_events_active')})", legend="{{type}}"),),
        colours=EVENTS,
        stacked=True,
    ),
    Lines(
        title="Transitions announced",
        told="What the watchers told the bus of events. Many `rescheduled` are a platform that changes its plans; "
        "`completed` without `started` was too short to be seen.",
        width=8,
        queries=(Query(expr=f"sum by (kind) ({per_interval(watcher('leeward_notices_total'))})", legend="{{kind}}"),),
        colours=NOTICES,
        bars=True,
    ),
    Figure(
        title="Started before NotBefore",
        told="Events that started early, in the range shown, by who approved. `elsewhere`: a neighbour's watcher, or "
        "another program on the VM.",
        width=4,
        alerts=("LeewardStartedByOthers",),
        queries=(
            Query(
                expr=f"round(sum by (approved) ({in_range(watcher('leeward_early_starts_total'))}))",
                legend="{{approved}}",
            ),
        ),
        spark=False,
    ),
    Figure(
        title="Switched off meanwhile",
        told="Times that the incarnation fell, in the range shown: nobody had asked for a day, so that Azure had "
        "switched Scheduled Events off. Find out why the watcher did not run.",
        width=4,
        alerts=("LeewardScheduledEventsWereOff",),
        queries=(Query(expr=f"round(sum({in_range(watcher('leeward_incarnation_resets_total'))}))", legend="resets"),),
        limits=Limits(warning=1),
        spark=False,
    ),
    events_table(watcher, width=24, height=6),
)
_RESPONDERS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Approve commands, by outcome",
        told="What became of the schedulers' approvals. `failed` are answers of the metadata service; `not_ready` "
        "and `not_scheduled` came too early or too late.",
        width=8,
        alerts=("LeewardApproveCommandsFail",),
        queries=(
            Query(
                expr=f"sum by (outcome) ({per_interval(watcher('leeward_approvals_total'))}) > 0",
                legend="{{outcome}}",
            ),
        ),
        colours={"approved": GOOD, "failed": RED, "repeated": SKY, "dry_run": GREY},
        bars=True,
    ),
    Lines(
        title="Responders' calls",
        told="Programs, webhooks and drains that the watcher ran, by phase and outcome. `failed` keeps an event from "
        "being approved if the responder is there for that; its log has the program's words.",
        width=8,
        alerts=("LeewardResponderFailed",),
        queries=(
            Query(
                expr=f"sum by (responder, phase, outcome) ({per_interval(_RUNS)}) > 0",
                legend="{{responder}} {{phase}}: {{outcome}}",
            ),
        ),
        bars=True,
    ),
    Lines(
        title="How long responders take, p90",
        told="Of the calls in each interval. Near the responder's time limit it is cut off, and the event goes on "
        "without it.",
        unit="s",
        width=8,
        queries=(
            Query(
                expr=quantile(0.9, watcher("leeward_responder_run_seconds_bucket"), "responder", "phase"),
                legend="{{responder}} {{phase}}",
            ),
        ),
    ),
)
_REST: Final[tuple[Panel, ...]] = (
    Lines(
        title="Event Grid's deliveries",
        told="What was posted as Event Grid's, of the outcomes that occur. `wrong_key` or `malformed`: somebody else "
        "posts there, or the subscription has another key.",
        width=8,
        alerts=("LeewardEventGridRefused",),
        queries=(
            Query(
                expr=f"sum by (outcome) ({per_interval(watcher('leeward_eventgrid_deliveries_total'))}) > 0",
                legend="{{outcome}}",
            ),
        ),
        colours={"taken": GOOD, "duplicate": SKY, "wrong_key": RED, "malformed": ORANGE, "unrelated": GREY},
        bars=True,
    ),
    Lines(
        title="Messages refused, by reason",
        told="Commands that were not valid, or not their sender's to say. `not-entitled`: look at the broker's access "
        "rights.",
        width=8,
        alerts=("LeewardMessagesForged", "LeewardMessagesUnreadable", "LeewardOutboxFull"),
        queries=(
            Query(
                expr=f"sum by (reason) ({per_interval(watcher('leeward_messages_refused_total'))})",
                legend="{{reason}}",
            ),
        ),
        colours={"not-entitled": RED, "invalid": ORANGE, "flood": PINK, "unasked": BLUE},
        bars=True,
    ),
    Table(
        title="Versions",
        told="Each watcher, its version, and since when it runs.",
        width=8,
        key="instance",
        columns=(Column(name="runs for", expr=_running_for(), unit="s"),),
        more=("version",),
    ),
)
WATCHING: Final = Board(
    uid="leeward-watcher",
    title="Leeward / Watcher",
    told="What the watcher of one VM sees and does; choose the VM at the head, or leave all of them.",
    since="now-6h",
    rows=(
        Row(title="Now", panels=_NOW),
        Row(title="The metadata service", panels=_METADATA),
        Row(title="Events", panels=_EVENTS),
        Row(title="Approvals and responders", panels=_RESPONDERS),
        Row(title="Event Grid, bus and versions", panels=_REST),
    ),
)
