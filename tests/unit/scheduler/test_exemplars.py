"""What leads from a histogram to a trace: told when there are traces, in the format that can hold it, else never."""

from collections.abc import Iterator

import pytest
from aiohttp import ClientSession
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain
from prometheus_client.samples import Sample

from services.scheduler.domain.trace_context import event_trace_id
from services.scheduler.metrics import Metrics
from services.scheduler.tracing.base import Traces
from services.scheduler.tracing.otlp import OtlpTraces
from shared.ops import OpsServer
from shared.settings import Listen
from tests.parts.builders import job, occurrence

OCCURRENCE = occurrence(job())
TRACED = {"trace_id": OCCURRENCE.id.replace("-", "")}
ACCEPTED = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


@pytest.fixture
async def traces() -> OtlpTraces:
    return OtlpTraces("http://127.0.0.1:1", replica="one")


async def scraped(metrics: Metrics, accept: str) -> tuple[str, str]:
    async with OpsServer(Listen(host="127.0.0.1", port=0), metrics.registry, dict) as ops, ClientSession() as session:
        url = f"http://127.0.0.1:{ops.port}/metrics"
        async with session.get(url, headers={"Accept": accept}) as reply:
            return reply.content_type, await reply.text()


def buckets(text: str) -> Iterator[Sample]:
    for family in openmetrics(text):  # type: ignore[no-untyped-call]
        yield from (sample for sample in family.samples if sample.name.endswith("lateness_seconds_bucket"))


async def test_a_scraper_that_reads_openmetrics_gets_the_trace_of_a_value(traces: OtlpTraces) -> None:
    metrics = Metrics("test")
    metrics.lateness.observe(0.3, traces.mark(OCCURRENCE))
    kind, text = await scraped(metrics, ACCEPTED)
    [(bound, exemplar)] = [(each.labels["le"], each.exemplar) for each in buckets(text) if each.exemplar]
    assert (kind, bound) == ("application/openmetrics-text", "0.5")
    assert (exemplar.labels, exemplar.value) == (TRACED, 0.3)


async def test_a_scraper_that_reads_plain_text_gets_the_same_values_without(traces: OtlpTraces) -> None:
    metrics = Metrics("test")
    metrics.lateness.observe(0.3, traces.mark(OCCURRENCE))
    kind, text = await scraped(metrics, "text/plain")
    samples = {sample.name: sample.value for family in plain(text) for sample in family.samples}
    assert (kind, samples["leeward_dispatch_lateness_seconds_count"]) == ("text/plain", 1)
    assert "trace_id" not in text


async def test_without_traces_no_value_leads_anywhere() -> None:
    metrics, traces = Metrics("test"), Traces()
    metrics.lateness.observe(0.3, traces.mark(OCCURRENCE))
    metrics.drain_seconds.observe(4, traces.event_mark("EVENT"))
    _, text = await scraped(metrics, ACCEPTED)
    assert sum(each.value for each in buckets(text)) > 0
    assert "trace_id" not in text


def test_an_event_has_the_trace_that_its_span_is_in(traces: OtlpTraces) -> None:
    assert traces.event_mark("event-1") == {"trace_id": event_trace_id("EVENT-1")}
