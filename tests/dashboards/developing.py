"""From a dashboard's JSON and what Prometheus answers to a picture as data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite

from tests.dashboards.asking import Answer, Shown, ask
from tests.dashboards.document import Document, PanelDocument, Target
from tests.dashboards.pictures import Curve, Marked, Pane, Picture
from tests.parts.prometheus import Prometheus


async def developed(prometheus: Prometheus, document: Document, shown: Shown) -> Picture:
    """Return a dashboard with the answers to all of its queries."""
    panes = [await _pane(prometheus, panel, shown) for panel in document.panels]
    return Picture(
        file=document.uid.replace("leeward-", "dashboard-"),
        title=document.title,
        seconds=(shown.end - shown.start).total_seconds(),
        panes=panes,
        marks=await _marks(prometheus, document, shown),
    )


async def _pane(prometheus: Prometheus, panel: PanelDocument, shown: Shown) -> Pane:
    answers = [await ask(prometheus, target, shown) for target in panel.targets]
    dots = [await _dots(prometheus, target, shown) for target in panel.targets if target.exemplar]
    config, place = panel.field_config.defaults, panel.grid_pos
    words = {value: word for mapped in config.mappings for value, word in mapped.options.items()}
    return Pane(
        kind=panel.type,
        title=panel.title,
        x=place.x,
        y=place.y,
        w=place.w,
        h=place.h,
        unit=config.unit,
        curves=[_curve(each, shown.start) for found in answers for each in found] if panel.type != "table" else [],
        dots=[dot for found in dots for dot in found],
        colours=panel.colours(),
        steps=[(step.value, step.color) for step in config.thresholds.steps],
        words={value: (word.text, word.color) for value, word in words.items()},
        table=_table(panel, answers),
        units=_units(panel),
        stacked=config.custom.stacking.mode == "normal",
        bars=config.custom.draw_style == "bars",
        bounded=config.custom.thresholds_style.mode == "dashed",
    )


async def _dots(prometheus: Prometheus, target: Target, shown: Shown) -> list[tuple[float, float]]:
    since = shown.start.timestamp()
    found = await prometheus.exemplars(shown.filled(target.expr), start=shown.start, end=shown.end)
    return [(exemplar.timestamp - since, float(exemplar.value)) for exemplar in found]


def _curve(answer: Answer, start: datetime) -> Curve:
    since = start.timestamp()
    return Curve(name=answer.name, points=[(at - since, value) for at, value in answer.points if isfinite(value)])


def _table(panel: PanelDocument, answers: Sequence[Sequence[Answer]]) -> list[list[str | float]]:
    """Return the head and the rows of a table: series with the same labels are one row, in the order it is told."""
    if panel.type != "table":
        return []
    labels = sorted({name for found in answers for answer in found for name in answer.labels})
    names = [_renamed(panel).get(_value(number, answers), "") for number in range(len(answers))]
    rows: dict[tuple[str, ...], list[str | float]] = {}
    for number, found in enumerate(answers):
        for answer in found:
            key = tuple(answer.labels.get(name, "") for name in labels)
            row = rows.setdefault(key, [*key, *[""] * len(answers)])
            value = answer.points[-1][1]
            row[len(labels) + number] = value if isfinite(value) else ""
    return [[*labels, *names], *(rows[key] for key in sorted(rows))]


def _value(number: int, answers: Sequence[object]) -> str:
    return "Value" if len(answers) == 1 else f"Value #{'ABCDEFGHIJKLMN'[number]}"


def _renamed(panel: PanelDocument) -> Mapping[str, str]:
    found = (step.options.get("renameByName", {}) for step in panel.transformations)
    return {old: str(new) for each in found for old, new in each.items()}


def _units(panel: PanelDocument) -> list[str]:
    """Return the unit of each value's column."""
    units = {
        override.matcher["options"]: str(each["value"])
        for override in panel.field_config.overrides
        for each in override.properties
        if each["id"] == "unit"
    }
    return [units.get(name, "") for name in _renamed(panel).values()]


async def _marks(prometheus: Prometheus, document: Document, shown: Shown) -> list[Marked]:
    since, found = shown.start.timestamp(), []
    for mark in document.annotations.list:
        expr = shown.filled(mark.expr)
        for series in await prometheus.query_range(expr, start=shown.start, end=shown.end, step=shown.step):
            times = [at - since for at, _ in series.values]
            found += [Marked(start=a, end=b, colour=mark.icon_color) for a, b in _stretches(times, shown)]
    return found


def _stretches(times: Sequence[float], shown: Shown) -> list[tuple[float, float]]:
    """Return where points follow each other without a gap, as Grafana joins them.

    What is there from the start is left out: to a Prometheus that has just begun every version is new.
    """
    stretches: list[tuple[float, float]] = []
    for at in times:
        if stretches and at - stretches[-1][1] <= 1.5 * shown.step.total_seconds():
            stretches[-1] = (stretches[-1][0], at)
        else:
            stretches.append((at, at))
    return [(begin, end) for begin, end in stretches if begin > 5 * shown.step.total_seconds()]
