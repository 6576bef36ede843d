"""Each query of Grafana's dashboards against a real Prometheus, which scrapes real services while an event passes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from math import isnan

import pytest
import pytest_asyncio

from tests.dashboards.__main__ import BOARDS, FOLDER
from tests.dashboards.asking import Shown, ask
from tests.dashboards.document import Document, read
from tests.dashboards.story import HOSTS, VARIABLES, Stage, an_event, jobs, nonsense, staged
from tests.parts.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALM = {
    ("leeward-watcher", "Event Grid's deliveries"): "only what happens is shown, and nothing posts to these watchers"
}
"""Panels that rightly show nothing in this story, and why."""
LATENESS = "leeward_dispatch_lateness_seconds_bucket"
DURATION = "leeward_execution_duration_seconds_bucket"
DRAINS = "leeward_drain_duration_seconds_bucket"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("stage")) as stage:
        await jobs(stage.site)
        await nonsense(stage.site)
        await stage.site.targets.until_hit("/backup")
        await an_event(stage.site, "Reboot", HOSTS[0], noticeSeconds=20, durationSeconds=2)
        yield stage


def shown(stage: Stage) -> Shown:
    step, rate = timedelta(seconds=1), timedelta(seconds=5)
    return Shown(variables=VARIABLES, start=stage.since, end=datetime.now(UTC), step=step, rate_interval=rate)


async def silent(stage: Stage, document: Document) -> set[tuple[str, str]]:
    """Return the panels of which a query has no value."""
    found = set()
    for panel in document.figures():
        for target in panel.targets:
            answers = await ask(stage.prometheus, target, shown(stage))
            if all(isnan(value) for answer in answers for _, value in answer.points):
                found.add((document.uid, panel.title))
    return found


@pytest.mark.parametrize("file", [board.file for board in BOARDS])
async def test_every_panel_shows_something(stage: Stage, file: str) -> None:
    document, left = read(FOLDER / file), {("", "")}
    assert sum(1 for _ in document.figures()) > 10

    async def all_show_something() -> bool:
        left.clear()
        left.update(await silent(stage, document) - CALM.keys())
        return not left

    try:
        await until(all_show_something)
    except TimeoutError:
        assert left == set()
    assert {panel for panel in CALM if panel[0] == document.uid} <= await silent(stage, document)


async def test_an_event_is_marked_on_every_graph(stage: Stage) -> None:
    mark = next(mark for mark in read(FOLDER / BOARDS[0].file).annotations.list if mark.name == "Events")
    now = shown(stage)
    found = await stage.prometheus.query_range(now.filled(mark.expr), start=now.start, end=now.end, step=now.step)
    assert [dict(series.metric) for series in found] == [{"type": "Reboot"}]


@pytest.mark.parametrize("histogram", [LATENESS, DURATION])
async def test_the_points_on_a_graph_lead_to_traces_that_the_collector_has(stage: Stage, histogram: str) -> None:
    exemplars = await stage.prometheus.exemplars(histogram, start=stage.since, end=datetime.now(UTC))
    pointed = {exemplar.labels["trace_id"] for exemplar in exemplars}
    assert pointed
    spans = await stage.collector.until(lambda spans: bool(pointed & {span.trace for span in spans}))
    attempts = {span.name for span in spans if span.trace in pointed}
    assert attempts >= {"occurrence", "dispatch", "call"}


async def test_how_long_a_drain_took_leads_to_the_trace_of_its_event(stage: Stage) -> None:
    exemplars = await stage.prometheus.exemplars(DRAINS, start=stage.since, end=datetime.now(UTC))
    pointed = {exemplar.labels["trace_id"] for exemplar in exemplars}
    spans = await stage.collector.until(lambda spans: any(span.name == "event Reboot" for span in spans))
    assert {span.trace for span in spans if span.name == "event Reboot"} == pointed
