"""The lower part of the dashboard "Fleet weather": whether anybody is watching."""

from typing import Final

from tests.dashboards.colours import PRESENCE, STATES
from tests.dashboards.links import THIS_WATCHER
from tests.dashboards.panels import Limits, Lines, Panel, Query
from tests.dashboards.series import anybody, once, scheduler, watcher

AGE: Final = (
    f"time() - ({watcher('leeward_metadata_last_success_timestamp_seconds')}"
    f" and on (fleet, job, instance) {watcher('leeward_metadata_state', state='none')} == 0)"
)
"""For how long each watcher has not read its events, but for those that are on none of their VMs: they cannot."""
WATCHERS: Final[tuple[Panel, ...]] = (
    Lines(
        title="Watchers by state of the metadata service",
        told="Each watcher once. `activating` is usual for minutes after the first start on a VM; `failing` sees "
        "nothing new. A total that falls is watchers that are not scraped: VMs gone, or Prometheus cut off.",
        width=8,
        alerts=("LeewardMetadataFailing",),
        queries=(Query(expr=f"sum by (state) ({watcher('leeward_metadata_state')})", legend="{{state}}"),),
        colours=STATES,
        stacked=True,
    ),
    Lines(
        title="The ten that have seen nothing for longest",
        told="Seconds since events were last read, of the ten worst. A minute is blind, ten are an alert; one that "
        "has read nothing yet shows the time since 1970. A click on a line leads to that watcher.",
        unit="s",
        width=8,
        alerts=("LeewardWatcherBlind",),
        queries=(Query(expr=f"topk(10, {AGE})", legend="{{instance}}"),),
        limits=Limits(warning=60, bad=600),
        links=(THIS_WATCHER,),
    ),
    Lines(
        title="Not reached, not connected",
        told="Processes that Prometheus does not reach, and those that are not connected to the broker. A watcher "
        "keeps its news until it is; schedulers run jobs by what was known. All at once is the broker, or the network.",
        width=8,
        alerts=(
            "LeewardSchedulerAbsent",
            "LeewardSchedulerDown",
            "LeewardWatchersAbsent",
            "LeewardWatcherDown",
            "LeewardSchedulerBusDown",
            "LeewardWatcherBusDown",
        ),
        queries=(
            Query(expr=f"sum by (job) ({anybody('up')} == bool 0)", legend="not reached: {{job}}"),
            Query(expr=f"sum by (job) ({anybody('leeward_bus_connected')} == bool 0)", legend="off the bus: {{job}}"),
        ),
    ),
    Lines(
        title="Watchers as the schedulers hear them",
        told="Known hosts by whether their watcher is heard on the bus; lost hosts are not counted. `offline` for "
        "long: the VM is gone, its watcher does not run, or may not speak.",
        width=8,
        alerts=("LeewardWatchersUnheard",),
        queries=(Query(expr=once(scheduler("leeward_watchers"), "state"), legend="{{state}}"),),
        colours=PRESENCE,
        stacked=True,
    ),
    Lines(
        title="Versions",
        told="Processes by version. Two for long is an upgrade that stopped half way.",
        width=8,
        alerts=("LeewardVersionsDiffer",),
        queries=(
            Query(expr=f"count by (job, version) ({anybody('leeward_build_info')})", legend="{{job}} {{version}}"),
        ),
        stacked=True,
    ),
    Lines(
        title="Ready, and starting again",
        told="Processes whose `/readyz` is 503, and starts within half an hour. Not ready although connected: the "
        "broker's rights, most likely; `/readyz` says it. More than two starts is a crash loop: look at the log.",
        width=8,
        alerts=("LeewardNotReady", "LeewardRestarts"),
        queries=(
            Query(expr=f"sum by (job) ({anybody('leeward_ready')} == bool 0)", legend="not ready: {{job}}"),
            Query(
                expr=f"sum by (job) (changes({anybody('process_start_time_seconds')}[30m]))", legend="starts: {{job}}"
            ),
        ),
    ),
)
