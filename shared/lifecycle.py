"""The life of a process: its event loop, its signals, its exit code."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import TypeVar

import uvloop

from shared import verbosity
from shared.errors import LeewardError

T = TypeVar("T")

FAULT_EXIT_CODE = 2
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `main(stop)` to its end and return the exit code of the process.

    SIGTERM or SIGINT sets `stop`; the second of them ends the process at once with 128 + its number. SIGUSR1 has the
    log tell details for a while, SIGUSR2 ends that (`shared.verbosity`). A LeewardError, alone or grouped by a
    TaskGroup, becomes one readable line on stderr and exit code 2; any other error is raised.
    """
    code = 0
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_supervised(main))
    except* LeewardError as group:
        for fault in _leaves(group):
            sys.stderr.write(f"{fault}\n")
        code = FAULT_EXIT_CODE
    return code


async def unless(stop: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """Return what `work` returns, or None, with the work cancelled, when `stop` is set first."""
    stopping = asyncio.create_task(stop.wait())
    working = asyncio.create_task(work)
    try:
        await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.wait({stopping, working})


async def _supervised(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _on_signal, stop, number)
    with verbosity.on_signals(loop):
        try:
            await main(stop)
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


def _on_signal(stop: asyncio.Event, number: signal.Signals) -> None:
    if stop.is_set():
        os._exit(128 + number)
    stop.set()


def _leaves(group: BaseExceptionGroup[LeewardError]) -> Iterator[LeewardError]:
    for fault in group.exceptions:
        if isinstance(fault, BaseExceptionGroup):
            yield from _leaves(fault)
        else:
            yield fault
