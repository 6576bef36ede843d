"""A dashboard as Grafana reads it, with what all of them share: variables, links between them, marks of events."""

import json
from typing import Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from tests.dashboards.builders import SOURCE, built
from tests.dashboards.colours import GREY, ORANGE
from tests.dashboards.panels import Board
from tests.dashboards.series import anybody, scheduler

TAG: Final = "leeward"
ANYTHING: Final = ".*"

_REPLICAS: Final = 'leeward_store_up{fleet=~"$fleet",job=~"$scheduler"}'
_VMS: Final = 'leeward_metadata_state{fleet=~"$fleet",job=~"$watcher"}'


def rendered(board: Board) -> str:
    """Return a dashboard as Grafana reads it; the same text for the same dashboard."""
    made = (
        build.Dashboard(board.title)
        .uid(board.uid)
        .description(board.told)
        .tags([TAG])
        .time(board.since, "now")
        .timezone("browser")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .variables(_variables())
        .annotations(_annotations())
        .links(_links())
        .editable()
    )
    for row in board.rows:
        made = made.with_row(build.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(built(panel))
    whole = made.build()
    for number, each in enumerate(whole.panels or (), 1):
        each.id_val = number
    return json.dumps(whole, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _variables() -> list[Builder[model.VariableModel]]:
    return [
        build.DatasourceVariable("datasource").label("Metrics").type("prometheus"),
        build.DatasourceVariable("traces").label("Traces").type("tempo"),
        _chosen("fleet", "Fleet", "leeward_build_info, fleet", all_value=ANYTHING),
        _chosen("scheduler", "Schedulers (job)", 'leeward_store_up{fleet=~"$fleet"}, job'),
        _chosen("replica", "Replica", f"{_REPLICAS}, instance", all_value=ANYTHING),
        _chosen("watcher", "Watchers (job)", 'leeward_metadata_state{fleet=~"$fleet"}, job'),
        _chosen("vm", "VM", f"{_VMS}, instance", all_value=ANYTHING),
    ]


def _chosen(name: str, label: str, values: str, *, all_value: str = "") -> build.QueryVariable:
    """Return a variable that may be several values of a label, all at first.

    All replicas and VMs are `.*`: a fleet's thousand instances would not fit into a query. All jobs are their names, as
    the two services have metrics of the same name.
    """
    query = f"label_values({values})"
    made = (
        build.QueryVariable(name)
        .label(label)
        .query({"query": query, "qryType": 1, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .datasource(SOURCE)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.NATURAL_ASC)
        .multi(True)
        .include_all(True)
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
    return made.all_value(all_value) if all_value else made


class _Mark(Builder[model.AnnotationQuery], model.AnnotationQuery):
    """A mark on every graph for as long as an expression has a value; `title` may name labels."""

    def __init__(self, name: str, expr: str, colour: str, title: str) -> None:
        super().__init__(name=name, datasource=SOURCE, icon_color=colour, expr=expr)
        self._title = title

    def build(self) -> model.AnnotationQuery:
        """Return itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return what Grafana reads: the models know nothing of titles."""
        return {**super().to_json(), "titleFormat": self._title}


def _annotations() -> list[Builder[model.AnnotationQuery]]:
    active = f"max by (type) ({scheduler('leeward_events_active')}) > 0"
    now, before = (f"count by (job, version) ({anybody('leeward_build_info')}{then})" for then in ("", " offset 1m"))
    return [
        _Mark("Events", active, ORANGE, "{{type}}"),
        _Mark("New versions", f"{now} unless {before}", GREY, "{{job}} {{version}}"),
    ]


def _links() -> list[Builder[model.DashboardLink]]:
    others = build.DashboardLink("Leeward").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    alerts = build.DashboardLink("Alerts").type(model.DashboardLinkType.LINK).icon("bell")
    return [
        others.include_vars(True).keep_time(True).as_dropdown(False),
        alerts.url("/alerting/list?search=Leeward").tooltip("Which of Leeward's alerts fire, and what to do"),
    ]
