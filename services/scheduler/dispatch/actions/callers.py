"""One caller for every kind of action: hands each call to the module that speaks its protocol."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from services.scheduler.dispatch.answers import Answer
from services.scheduler.domain.actions import Call
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job


class Speaker(Protocol):
    """Speaks one protocol; `call` is of the type it was registered for. Used as a context manager."""

    async def __aenter__(self) -> Self:
        """Open what is needed."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        ...

    async def call(
        self,
        call: Any,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Make the call and return what came of it, as `Caller` promises."""
        ...

    def target(self, call: Any, host: HostView | None) -> str:
        """Name what a call is aimed at: calls with the same name load the same thing."""
        ...


class Callers:
    """The `Caller` of attempts. Use it as a context manager."""

    def __init__(self, speakers: Mapping[type[Call], Speaker]) -> None:
        """Take one speaker for each type of call."""
        self._speakers = speakers
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open every speaker."""
        async with AsyncExitStack() as stack:
            for speaker in self._speakers.values():
                await stack.enter_async_context(speaker)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every speaker."""
        await self._stack.__aexit__(kind, error, trace)

    async def call(
        self,
        call: Call,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Have the right one make the call."""
        return await self._speakers[type(call)].call(call, job, occurrence, host, on_sent=on_sent)

    def target(self, call: Call, host: HostView | None) -> str:
        """Have the right one name the target."""
        return self._speakers[type(call)].target(call, host)
