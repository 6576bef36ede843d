"""The table of how events went, on two dashboards."""

from collections.abc import Callable

from tests.dashboards.panels import Column, Panel, Table
from tests.dashboards.series import quantile_of_rare

Selector = Callable[..., str]


def events_table(select: Selector, *, width: int, height: int = 8) -> Panel:
    """Return a row for each type of event that the watchers measured: how many, and four spans of time."""

    def count(metric: str) -> str:
        return f"sum by (type) (max_over_time({select(f'{metric}_count')}[$__range]))"

    def span(share: float, metric: str) -> str:
        return quantile_of_rare(share, select(f"{metric}_bucket"), "type")

    return Table(
        title="Events of watched hosts, by type",
        told="Measured by the watchers for their own hosts, over all that they have seen since they started: notice "
        "is from first sight to NotBefore, drain to nothing running any more, to start from this watcher's approval. "
        "Drains longer than the notice lose work; much notice and no approval is time that jobs stay off for nothing.",
        unit="s",
        width=width,
        height=height,
        key="type",
        columns=(
            Column(name="events", expr=count("leeward_event_notice_seconds")),
            Column(name="notice, p50", expr=span(0.5, "leeward_event_notice_seconds"), unit="s"),
            Column(name="drain, p50", expr=span(0.5, "leeward_event_drain_seconds"), unit="s"),
            Column(name="drain, p90", expr=span(0.9, "leeward_event_drain_seconds"), unit="s"),
            Column(name="to start, p50", expr=span(0.5, "leeward_event_approval_to_start_seconds"), unit="s"),
            Column(name="lasted, p50", expr=span(0.5, "leeward_event_duration_seconds"), unit="s"),
        ),
    )
