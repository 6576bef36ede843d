"""From panels as data to Grafana's own builders of them."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import common as build_common
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import heatmap as heatmap_model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tests.dashboards.colours import BAD, GOOD, NEUTRAL, WARNING
from tests.dashboards.panels import CALM, Figure, Heat, Limits, Lines, Link, Panel, Query, States, Table

SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
_REFS: Final = "ABCDEFGHIJKLMN"
_HIDDEN: Final = "Time"

AnyBuilder = stat.Panel | timeseries.Panel | heatmap.Panel | statetimeline.Panel | table.Panel
P = TypeVar("P", stat.Panel, timeseries.Panel, heatmap.Panel, statetimeline.Panel, table.Panel)


def built(panel: Panel) -> Builder[model.Panel]:
    """Return Grafana's builder of a panel."""
    match panel:
        case Figure():
            return _figure(panel)
        case Lines():
            return _lines(panel)
        case Heat():
            return _heat(panel)
        case States():
            return _states(panel)
        case Table():
            return _table(panel)
    raise TypeError(f"{panel.title}: no kind of panel that Grafana has")


def _figure(panel: Figure) -> stat.Panel:
    made = (
        _dressed(stat.Panel(), panel, panel.queries)
        .thresholds(_thresholds(panel.limits, NEUTRAL if panel.limits is CALM else GOOD))
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(common.BigValueGraphMode.AREA if panel.spark else common.BigValueGraphMode.NONE)
        .reduce_options(build_common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False))
    )
    words = {value: model.ValueMappingResult(text=text) for value, text in panel.words.items()}
    return made.mappings([model.ValueMap(options=words)]) if words else made


def _lines(panel: Lines) -> timeseries.Panel:
    made = (
        _dressed(timeseries.Panel(), panel, panel.queries)
        .min(0)
        .draw_style(common.GraphDrawStyle.BARS if panel.bars else common.GraphDrawStyle.LINE)
        .line_width(0 if panel.bars else 2)
        .fill_opacity(80 if panel.bars else 30 if panel.stacked else 6)
        .show_points(common.VisibilityMode.NEVER)
        .line_interpolation(common.LineInterpolation.STEP_AFTER if panel.stacked else common.LineInterpolation.LINEAR)
        .stacking(build_common.StackingConfig().mode(_stacking(panel)))
        .legend(_legend())
        .tooltip(_tooltip())
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )
    if panel.limits is not CALM:
        dashed = build_common.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        made = made.thresholds(_thresholds(panel.limits, "transparent")).thresholds_style(dashed)
    if panel.links:
        made = made.data_links(_links(panel.links))
    return _coloured(made, panel.colours)


def _heat(panel: Heat) -> heatmap.Panel:
    made = (
        _dressed(heatmap.Panel(), panel, panel.queries, PromQueryFormat.HEATMAP)
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit(panel.unit).axis_placement(common.AxisPlacement.LEFT))
        .color(heatmap.HeatmapColorOptions().mode(heatmap_model.HeatmapColorMode.SCHEME).scheme("Cividis").steps(64))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .cell_gap(1)
        .exemplars_color(BAD)
        .show_legend()
    )
    return made.data_links(_links(panel.links)) if panel.links else made


def _states(panel: States) -> statetimeline.Panel:
    words = {value: model.ValueMappingResult(text=text, color=colour) for value, (text, colour) in panel.words.items()}
    return (
        _dressed(statetimeline.Panel(), panel, panel.queries)
        .mappings([model.ValueMap(options=words)])
        .fill_opacity(80)
        .line_width(0)
        .row_height(0.8)
        .show_value(common.VisibilityMode.NEVER)
        .legend(_legend())
        .color_scheme(build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
    )


def _table(panel: Table) -> table.Panel:
    queries = tuple(Query(expr=column.expr, legend="") for column in panel.columns)
    names = {f"Value #{ref}": column.name for ref, column in zip(_REFS, panel.columns, strict=False)}
    if len(names) == 1:
        names = {"Value": panel.columns[0].name}
    order = {name: number for number, name in enumerate((panel.key, *panel.more, *names))}
    arranged = {"excludeByName": dict.fromkeys(_HIDDEN, True), "indexByName": order, "renameByName": names}
    made = (
        _dressed(table.Panel(), panel, queries, PromQueryFormat.TABLE)
        .with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(model.DataTransformerConfig(id_val="organize", options=arranged))
        .filterable(True)
    )
    for column in panel.columns:
        made = made.override_by_name(column.name, [model.DynamicConfigValue("unit", column.unit)])
    return made


def _dressed(made: P, panel: Panel, queries: Sequence[Query], shape: PromQueryFormat | None = None) -> P:
    for ref, query in zip(_REFS, queries, strict=False):
        made = made.with_target(_target(ref, query, shape))
    told = panel.told + "".join(f"\n\nAlert: `{name}`" for name in panel.alerts)
    made = made.title(panel.title).description(told).datasource(SOURCE)
    return made.unit(panel.unit).span(panel.width).height(panel.height)


def _target(ref: str, query: Query, shape: PromQueryFormat | None) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id(ref).datasource(SOURCE).expr(query.expr).legend_format(query.legend)
    if query.exemplars:
        made = made.exemplar(True)
    if shape is not None:
        made = made.format(shape)
    return made.instant() if shape is PromQueryFormat.TABLE else made.range()


def _thresholds(limits: Limits, calm: str) -> build.ThresholdsConfig:
    """Return Grafana's thresholds, lowest first; the first has no bound."""
    marks = [(value, colour) for value, colour in ((limits.warning, WARNING), (limits.bad, BAD)) if value is not None]
    marks.sort()
    colours = [*(colour for _, colour in marks), calm] if limits.falling else [calm, *(colour for _, colour in marks)]
    bounds = [None, *(value for value, _ in marks)]
    steps = [model.Threshold(value, colour) for value, colour in zip(bounds, colours, strict=True)]
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _coloured(made: timeseries.Panel, colours: Mapping[str, str]) -> timeseries.Panel:
    for name, colour in colours.items():
        fixed = {"mode": "fixed", "fixedColor": colour}
        made = made.override_by_name(name, [model.DynamicConfigValue("color", fixed)])
    return made


def _links(links: Sequence[Link]) -> list[Builder[model.DashboardLink]]:
    return [build.DashboardLink(link.title).url(link.url).target_blank(True) for link in links]


def _stacking(panel: Lines) -> common.StackingMode:
    return common.StackingMode.NORMAL if panel.stacked or panel.bars else common.StackingMode.NONE


def _legend() -> build_common.VizLegendOptions:
    made = build_common.VizLegendOptions().show_legend(True)
    return made.display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM)


def _tooltip() -> build_common.VizTooltipOptions:
    return build_common.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
