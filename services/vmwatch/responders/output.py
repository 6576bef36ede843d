"""What a program says: all of it is read, so that it never waits for a reader, and the end of it is kept."""

import asyncio
import os
from types import TracebackType
from typing import Final, Self

OUTPUT_LIMIT: Final = 4096
"""Bytes that are kept: the last ones."""
LINGER_SECONDS: Final = 1.0
"""How long the rest is awaited after the end of a program: what it left behind may hold the pipe for ever."""


class LastWords(asyncio.Protocol):
    """A pipe for stdout and stderr: give `inlet` to the program, and `close_inlet` once that has started."""

    def __init__(self) -> None:
        """Make the pipe. Raises OSError."""
        self._outlet, self.inlet = os.pipe()
        self._kept = b""
        self._ended = asyncio.Event()
        self._transport: asyncio.BaseTransport | None = None

    async def __aenter__(self) -> Self:
        """Begin to read."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.connect_read_pipe(lambda: self, os.fdopen(self._outlet, "rb", buffering=0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Read no more, whoever still has the other end."""
        self.close_inlet()
        if self._transport is not None:
            self._transport.close()

    def close_inlet(self) -> None:
        """Leave the inlet to the program alone: when it ends, so does the pipe."""
        if self.inlet >= 0:
            os.close(self.inlet)
            self.inlet = -1

    async def text(self) -> str:
        """Return the last words of a program that has ended, soon after."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            pass  # something that it started still has the pipe
        return self._kept.decode("utf-8", errors="replace").strip()

    def data_received(self, data: bytes) -> None:
        """Keep the end."""
        self._kept = (self._kept + data)[-OUTPUT_LIMIT:]

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nobody writes any more."""
        self._ended.set()
