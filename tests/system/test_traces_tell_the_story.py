"""Traces: from an event to the decision it led to, and from a due instant to the call and on into the target."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.parts.collector import Collector, Seen
from tests.parts.site import ADDRESSES, Site
from tests.parts.tcp_proxy import TcpProxy

SiteMaker = Callable[..., AbstractAsyncContextManager[Site]]
CHAIN = {"occurrence", "dispatch", "decision", "call"}


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as collector:
        yield collector


@pytest.fixture
async def traced(collector: Collector, a_site: SiteMaker) -> AsyncIterator[Site]:
    async with a_site(LEEWARD_OTLP_ENDPOINT=collector.endpoint) as site:
        yield site


def of(spans: list[Seen], trace: str) -> dict[str, Seen]:
    return {span.name: span for span in spans if span.trace == trace}


async def test_a_target_can_go_on_with_the_trace_of_its_occurrence(traced: Site, collector: Collector) -> None:
    await traced.create_job("backup", "/backup", placement={"pool": "db"})
    hit = await traced.targets.until_hit("/backup")
    _, trace, parent, flags = hit.headers["traceparent"].split("-")
    spans = await collector.until(lambda spans: of(spans, trace).keys() >= CHAIN)
    found = of(spans, trace)
    assert (found["call"].span, flags) == (parent, "01")
    assert found["call"].parent == found["decision"].parent == found["dispatch"].span
    assert found["dispatch"].parent == found["occurrence"].span
    assert found["occurrence"].parent == ""
    assert found["call"].attributes["leeward.job"] == "backup"
    assert found["occurrence"].began <= found["dispatch"].began <= found["call"].began <= found["call"].ended
    assert collector.services == {"leeward-scheduler"}


async def test_a_decision_is_linked_to_the_event_that_led_to_it(traced: Site, collector: Collector) -> None:
    await traced.create_job("backup", "/backup", placement={"host": "db-0", "pool": "db"})
    await traced.create_job("pinned", "/pinned", placement={"host": "db-0"})
    await traced.targets.until_hit("/backup", ADDRESSES["db-0"])
    await traced.raise_event("Reboot", "db-0", durationSeconds=2)
    spans = await collector.until(lambda spans: any(span.name == "event Reboot" for span in spans))
    event = next(span for span in spans if span.name == "event Reboot")
    assert event.attributes["leeward.event.outcome"] == "completed"
    made = {span.attributes["leeward.decision"] for span in spans if event.trace in span.links}
    assert made == {"reroute", "hold"}


async def test_an_attempt_that_failed_is_told_as_failed_and_its_retries_are_in_the_same_trace(
    traced: Site, collector: Collector
) -> None:
    action = traced.request_to("/fail", retries=1)
    await traced.create_job("broken", "/fail", every=None, placement={"pool": "db"}, action=action)
    spans = await collector.until(lambda spans: any(span.name == "occurrence" and span.failed for span in spans))
    whole = next(span for span in spans if span.name == "occurrence" and span.failed)
    calls = [span for span in spans if span.trace == whole.trace and span.name == "call"]
    assert [(call.failed, call.attributes["leeward.job"]) for call in calls] == [(True, "broken")] * 2
    assert len({call.span for call in calls}) == 2


async def test_a_collector_that_never_answers_delays_neither_jobs_nor_the_end(a_site: SiteMaker) -> None:
    async with Collector() as collector, TcpProxy("127.0.0.1", collector.port) as proxy:
        proxy.blackhole()
        async with a_site(LEEWARD_OTLP_ENDPOINT=f"http://127.0.0.1:{proxy.port}") as site:
            await site.create_job("backup", "/backup", placement={"pool": "db"})
            await site.targets.until(lambda hits: len(hits) >= 8)
            assert {row["status"] for row in await site.history("backup")} == {"Completed"}
            assert await site.scheduler.stop() == 0
    assert collector.spans == []
