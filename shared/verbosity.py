"""The level of a running process's log: debug for a while, asked for by a signal, and back by itself.

Only who may send the process a signal can ask, by `kill`, `systemctl kill` or `kubectl exec`; no port takes orders.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.logs import get_logger, present_level, set_level

DEBUG_FOR = timedelta(minutes=10)
_DEBUG = "DEBUG"
_log = get_logger(__name__)


class Verbosity:
    """Tells details until their time is up; asked again meanwhile, for as long anew."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, lasting: timedelta = DEBUG_FOR) -> None:
        """Leave the level as it is."""
        self._loop = loop
        self._lasting = lasting
        self._usual = ""
        self._timer: asyncio.TimerHandle | None = None

    def tell_details(self) -> None:
        """Lower the level to DEBUG, for `lasting` from now."""
        if self._timer is None:
            self._usual = present_level()
        else:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._lasting.total_seconds(), self.back)
        set_level(_DEBUG)
        _log.warning("log level is debug for a while", seconds=self._lasting.total_seconds(), then=self._usual)

    def back(self) -> None:
        """Return to the usual level; nothing to do when it is in force."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        _log.warning("log level is the usual one again", log_level=self._usual)
        set_level(self._usual)


@contextmanager
def on_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Follow SIGUSR1 (details) and SIGUSR2 (back) as long as the context lasts."""
    verbosity = Verbosity(loop)
    loop.add_signal_handler(signal.SIGUSR1, verbosity.tell_details)
    loop.add_signal_handler(signal.SIGUSR2, verbosity.back)
    try:
        yield
    finally:
        # Both would end the process where nobody listens, and it is about to end in order.
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        verbosity.back()
