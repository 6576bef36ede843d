"""Grafana's dashboards as they are shipped: complete, in order, and about metrics that there are."""

import re
from collections.abc import Iterator
from itertools import combinations

import pytest
import yaml
from prometheus_client import CollectorRegistry

from services.scheduler.metrics import Metrics as SchedulerMetrics
from services.vmwatch.metrics import Metrics as WatcherMetrics
from tests.dashboards.__main__ import BOARDS, FOLDER, files
from tests.dashboards.colours import BAD
from tests.dashboards.document import Document, Grid, PanelDocument, read
from tests.dashboards.series import anybody, scheduler, watcher
from tests.parts.reference import DOCS

DOCUMENTS = [read(FOLDER / board.file) for board in BOARDS]
PANELS = [(document, panel) for document in DOCUMENTS for panel in document.figures()]
RULES = FOLDER.parents[1] / "monitoring" / "rules"
COLUMNS = 24
OF_PROMETHEUS = {"up", "ALERTS"}
each_dashboard = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.uid)


def test_the_files_are_what_the_code_makes_of_them() -> None:
    kept = {file.name: file.read_text() for file in FOLDER.glob("*.json")}
    assert kept == files(), "make dashboards writes them anew"


def test_each_dashboard_and_each_of_its_panels_is_one_of_a_kind() -> None:
    assert len({document.uid for document in DOCUMENTS}) == len(DOCUMENTS)
    for document in DOCUMENTS:
        ids = [panel.id for panel in document.panels]
        titles = [panel.title for panel in document.figures()]
        assert (len(set(ids)), len(set(titles))) == (len(ids), len(titles)), document.uid


@each_dashboard
def test_no_panel_lies_on_another_or_beyond_the_grid(document: Document) -> None:
    assert [panel.title for panel in document.panels if panel.grid_pos.x + panel.grid_pos.w > COLUMNS] == []
    assert [(one.title, other.title) for one, other in combinations(document.panels, 2) if overlap(one, other)] == []


@each_dashboard
def test_the_lines_of_a_dashboard_are_full(document: Document) -> None:
    lines: dict[int, int] = {}
    for panel in document.panels:
        lines[panel.grid_pos.y] = lines.get(panel.grid_pos.y, 0) + panel.grid_pos.w
    assert set(lines.values()) == {COLUMNS}


def overlap(one: PanelDocument, other: PanelDocument) -> bool:
    first, second = one.grid_pos, other.grid_pos
    return shares(first, second) and shares(turned(first), turned(second))


def shares(first: Grid, second: Grid) -> bool:
    return first.x < second.x + second.w and second.x < first.x + first.w


def turned(grid: Grid) -> Grid:
    return Grid(x=grid.y, y=grid.x, w=grid.h, h=grid.w)


def test_every_panel_says_what_it_means_in_which_unit_and_asks_something() -> None:
    silent = [
        panel.title
        for _, panel in PANELS
        if len(panel.description) < 30 or not panel.field_config.defaults.unit or not panel.targets
    ]
    assert silent == []


def test_what_panels_advise_exists() -> None:
    told = " ".join(panel.description for _, panel in PANELS)
    settings, commands = ((DOCS / name).read_text() for name in ("settings.md", "cli.md"))
    assert [name for name in re.findall(r"LEEWARD_\w+", told) if f"`{name}`" not in settings] == []
    assert [line for line in re.findall(r"`(leeward [a-z ]+)`", told) if f"`{line}" not in commands] == []


def names(registry: CollectorRegistry) -> Iterator[str]:
    for family in registry.collect():
        yield from (sample.name for sample in family.samples)
        yield f"{family.name}_total" if family.type == "counter" else family.name
        if family.type == "histogram":
            yield from (f"{family.name}_{part}" for part in ("bucket", "sum", "count"))


KNOWN = {*names(SchedulerMetrics("").registry), *names(WatcherMetrics("").registry), *OF_PROMETHEUS}


def selected(expr: str) -> list[tuple[str, str]]:
    """Return each metric that an expression selects, with the braces behind it."""
    return re.findall(r"\b([a-zA-Z_]\w*)(\{[^}]*\})", expr)


def expressions(document: Document) -> list[str]:
    panels = [target.expr for panel in document.figures() for target in panel.targets]
    return [*panels, *(mark.expr for mark in document.annotations.list)]


@each_dashboard
def test_every_metric_that_is_asked_for_exists(document: Document) -> None:
    asked = {name for expr in expressions(document) for name, _ in selected(expr)}
    assert asked
    assert asked - KNOWN == set()


@each_dashboard
def test_every_query_is_about_the_services_that_the_head_chooses(document: Document) -> None:
    usual = tuple(select("x")[2:-1] for select in (scheduler, watcher, anybody))
    strays = [
        name
        for expr in expressions(document)
        for name, braces in selected(expr)
        if not braces[1:].startswith(usual) and name != "ALERTS"
    ]
    assert strays == []
    bare = [expr for expr in expressions(document) if re.search(r"\b(?:leeward|process)_\w+(?![\w{])", expr)]
    assert bare == []


@each_dashboard
def test_a_dashboard_chooses_its_data_source_and_lists_values_that_exist(document: Document) -> None:
    variables = {variable.name: variable for variable in document.templating.list}
    assert [variables[name].query for name in ("datasource", "traces")] == ["prometheus", "tempo"]
    asked = {name for variable in variables.values() for name in re.findall(r"leeward_\w+", str(variable.query))}
    assert asked
    assert asked - KNOWN == set()
    used = {name for expr in expressions(document) for name in re.findall(r"\$([a-z]\w*)", expr)}
    assert used - variables.keys() == set()


def alerts() -> dict[str, str]:
    documents = [yaml.safe_load(file.read_text()) for file in RULES.glob("*.yaml")]
    rules = [rule for document in documents for group in document["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule["expr"] for rule in rules if "alert" in rule}


def named_alerts(panel: PanelDocument) -> list[str]:
    return re.findall(r"Alert: `(\w+)`", panel.description)


def test_every_alert_has_a_panel_that_shows_why() -> None:
    shown = {name for _, panel in PANELS for name in named_alerts(panel)}
    assert shown == alerts().keys()


def test_what_is_red_is_an_alert_at_the_same_value() -> None:
    bounds = [
        (panel.title, step.value, [alerts()[name] for name in named_alerts(panel)])
        for _, panel in PANELS
        for step in panel.field_config.defaults.thresholds.steps
        if step.color == BAD and step.value is not None and named_alerts(panel)
    ]
    assert bounds
    assert [(title, value) for title, value, exprs in bounds if not any(has(expr, value) for expr in exprs)] == []


def has(expr: str, value: float) -> bool:
    """Whether an expression compares with a value; of whole numbers, from 1 on is more than 0, and below 1 is 0."""
    compared = {float(number) for number in re.findall(r"[<>=]=?\s*(\d+(?:\.\d+)?)", expr)}
    return value in compared or (value == 1 and 0 in compared)


def test_the_dashboards_are_explained() -> None:
    text = (DOCS / "howto" / "grafana.md").read_text()
    assert [board.title for board in BOARDS if board.title not in text] == []
