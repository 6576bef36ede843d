"""Traces as OTLP over HTTP, to a collector.

Spans have ids that derive from what they are about (`domain.trace_context`), so that the attempts of an occurrence form
one trace whichever replica made them, and a target that reads `traceparent` continues it. That is why spans are made
whole when they end, instead of by a tracer, which draws ids at random.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from threading import Thread
from types import TracebackType

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from services.scheduler.domain.actions import HttpCall, ServiceBusCall, StorageQueueCall
from services.scheduler.domain.executions import AttemptResult, Occurrence
from services.scheduler.domain.jobs import Job
from services.scheduler.domain.placement import Hold, Run
from services.scheduler.domain.trace_context import (
    call_span_id,
    decision_span_id,
    dispatch_span_id,
    event_span_id,
    event_trace_id,
    occurrence_span_id,
    trace_id,
)
from services.scheduler.store.records import EventRecord
from services.scheduler.tracing.base import Mark, Traces
from shared.about import product_version

CLOSE_SECONDS = 5.0
QUEUE_SPANS = 20_000
"""Spans that wait for the collector; beyond it the oldest are dropped."""
_SCOPE = InstrumentationScope("leeward.scheduler", product_version())
_OK, _FAILED = Status(StatusCode.OK), Status(StatusCode.ERROR)

Attributes = Mapping[str, str | int | bool]


class OtlpTraces(Traces):
    """Sends spans in batches from a thread of its own; a collector that is away costs spans, never time."""

    def __init__(self, endpoint: str, *, replica: str) -> None:
        """`endpoint` is the collector's base address, such as `http://collector:4318`."""
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._processor = BatchSpanProcessor(exporter, max_queue_size=QUEUE_SPANS)
        self._resource = Resource.create(
            {
                "service.name": "leeward-scheduler",
                "service.instance.id": replica,
                "service.version": product_version(),
            }
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left, within seconds; a collector that does not answer keeps nobody."""
        loop, closed = asyncio.get_running_loop(), asyncio.Event()
        # A daemon: the loop's own threads would keep the process until a silent collector's time limit.
        Thread(target=self._close, args=(loop, closed), daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await closed.wait()

    def _close(self, loop: asyncio.AbstractEventLoop, closed: asyncio.Event) -> None:
        self._processor.shutdown()  # type: ignore[no-untyped-call]
        with suppress(RuntimeError):  # the loop did not wait so long
            loop.call_soon_threadsafe(closed.set)

    def attempted(self, job: Job, occurrence: Occurrence, run: Run, result: AttemptResult, *, final: bool) -> None:
        """See the base."""
        status = _OK if result.succeeded else _FAILED
        began, ended = _ns(result.started_at), _ns(result.ended_at)
        fired = min(_ns(occurrence.fire_at), began)
        dispatch = _context(occurrence, dispatch_span_id(occurrence))
        self._decision(occurrence, began, _of_run(run), run.event_id)
        call = _context(occurrence, call_span_id(occurrence))
        self._emit("call", call, dispatch, began, ended, _of_call(job, occurrence), status, kind=SpanKind.CLIENT)
        self._emit("dispatch", dispatch, _root(occurrence), fired, ended, _of_attempt(occurrence), status)
        if final:
            outcome = "succeeded" if result.succeeded else "failed"
            self._occurrence(job, occurrence, outcome, ended, status)

    def held(self, job: Job, occurrence: Occurrence, hold: Hold, at: datetime) -> None:
        """See the base."""
        dispatch = _context(occurrence, dispatch_span_id(occurrence))
        now = _ns(at)
        told = {"leeward.decision": "hold", "leeward.reason": hold.reason, "leeward.host": hold.waiting_for}
        self._decision(occurrence, now, told, hold.event_id)
        fired = min(_ns(occurrence.fire_at), now)
        self._emit("dispatch", dispatch, _root(occurrence), fired, now, {**_of_attempt(occurrence), **_of_job(job)})

    def ended_unrun(self, job: Job, occurrence: Occurrence, reason: str, at: datetime) -> None:
        """See the base."""
        self._occurrence(job, occurrence, "skipped", _ns(at), _OK, {"leeward.reason": reason})

    def mark(self, occurrence: Occurrence) -> Mark:
        """See the base."""
        return {"trace_id": trace_id(occurrence)}

    def event_mark(self, event_id: str) -> Mark:
        """See the base."""
        return {"trace_id": event_trace_id(event_id)}

    def event_over(self, event: EventRecord) -> None:
        """See the base."""
        approval = event.approval
        marks = [] if approval.at is None else [Event(f"approval {approval.state}", timestamp=_ns(approval.at))]
        self._emit(
            f"event {event.type}",
            _event_context(event.event_id),
            None,
            _ns(event.first_seen_at),
            _ns(event.ended_at or event.first_seen_at),
            {
                "leeward.event.id": event.event_id,
                "leeward.event.source": event.source,
                "leeward.event.outcome": event.outcome.value,
                "leeward.event.hosts": ",".join(sorted(event.hosts)),
            },
            marks=marks,
        )

    def _decision(self, occurrence: Occurrence, at: int, told: Attributes, event_id: str | None) -> None:
        parent = _context(occurrence, dispatch_span_id(occurrence))
        links = [] if event_id is None else [Link(_event_context(event_id))]
        told = told if event_id is None else {**told, "leeward.event.id": event_id}
        self._emit("decision", _context(occurrence, decision_span_id(occurrence)), parent, at, at, told, links=links)

    def _occurrence(
        self, job: Job, occurrence: Occurrence, outcome: str, ended: int, status: Status, more: Attributes | None = None
    ) -> None:
        told = {**_of_job(job), "leeward.outcome": outcome, "leeward.attempt": occurrence.attempt, **(more or {})}
        due = min(_ns(occurrence.due), ended)
        self._emit("occurrence", _root(occurrence), None, due, ended, told, status)

    def _emit(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        began: int,
        ended: int,
        attributes: Attributes,
        status: Status = _OK,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        links: list[Link] | None = None,
        marks: list[Event] | None = None,
    ) -> None:
        self._processor.on_end(
            ReadableSpan(
                name=name,
                context=context,
                parent=parent,
                resource=self._resource,
                attributes=attributes,
                events=marks or (),
                links=links or (),
                kind=kind,
                status=status,
                start_time=began,
                end_time=ended,
                instrumentation_scope=_SCOPE,
            )
        )


def _ns(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000_000) * 1000


def _span(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _context(occurrence: Occurrence, span: str) -> SpanContext:
    return _span(trace_id(occurrence), span)


def _root(occurrence: Occurrence) -> SpanContext:
    return _context(occurrence, occurrence_span_id(occurrence))


def _event_context(event_id: str) -> SpanContext:
    return _span(event_trace_id(event_id), event_span_id(event_id))


def _of_job(job: Job) -> dict[str, str | int | bool]:
    return {"leeward.collection": job.collection, "leeward.job": job.name}


def _of_attempt(occurrence: Occurrence) -> Attributes:
    return {"leeward.attempt": occurrence.attempt, "leeward.action": occurrence.action.value}


def _of_run(run: Run) -> Attributes:
    told: dict[str, str | int | bool] = {"leeward.decision": "run", "leeward.reason": run.reason}
    if run.host is not None:
        told["leeward.host"] = run.host.name
    if run.away_from is not None:
        told = {**told, "leeward.decision": "reroute", "leeward.away_from": run.away_from}
    return told


def _of_call(job: Job, occurrence: Occurrence) -> Attributes:
    """Return what is called, without anything that may hold a secret: no path, no query, no header."""
    call = job.definition.action.call_of(occurrence.action)
    told = {**_of_job(job), "leeward.action.type": call.kind.value}
    match call:
        case HttpCall():
            return {**told, "http.request.method": call.method}
        case StorageQueueCall():
            return {**told, "messaging.destination.name": call.queue}
        case ServiceBusCall():
            return {**told, "messaging.system": "servicebus", "messaging.destination.name": call.entity}
        case _:
            return {**told, "messaging.system": "mqtt", "messaging.destination.name": call.topic}
