"""An OpenTelemetry collector as far as OTLP over HTTP goes: takes real exports apart and keeps the spans."""

import asyncio
import gzip
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.parts.ports import free_port


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A span as it was exported; ids in hexadecimal, times in nanoseconds."""

    name: str
    trace: str
    span: str
    parent: str
    attributes: Mapping[str, str | int]
    links: tuple[str, ...]
    failed: bool
    began: int
    ended: int


class Collector:
    """Listens on loopback while the context is open."""

    def __init__(self) -> None:
        """Choose a port."""
        self.port = free_port()
        self.spans: list[Seen] = []
        self.services: set[str] = set()
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def endpoint(self) -> str:
        """The base address that a scheduler is given."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        """Listen."""
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, condition: Callable[[list[Seen]], bool], *, seconds: float = 30) -> list[Seen]:
        """Wait until the spans satisfy the condition and return them; raises TimeoutError."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: condition(self.spans))
        return self.spans

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services.add(str(_plain(resource.resource.attributes)["service.name"]))
            for scope in resource.scope_spans:
                self.spans.extend(map(_seen, scope.spans))
        async with self._changed:
            self._changed.notify_all()
        return web.Response()


def _seen(span: Span) -> Seen:
    return Seen(
        name=span.name,
        trace=span.trace_id.hex(),
        span=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_plain(span.attributes),
        links=tuple(link.trace_id.hex() for link in span.links),
        failed=span.status.code == 2,
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


def _plain(attributes: Iterable[KeyValue]) -> dict[str, str | int]:
    plain: dict[str, str | int] = {}
    for attribute in attributes:
        value = attribute.value
        plain[attribute.key] = value.int_value if value.HasField("int_value") else value.string_value
    return plain
