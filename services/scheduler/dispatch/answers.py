"""The port to targets: what makes calls, and what a call came to."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import msgspec

from services.scheduler.domain.actions import Call
from services.scheduler.domain.executions import Occurrence
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.jobs import Job


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a call came to; `message` is in the grammar of history.

    `unheard`: most likely the target never read the request, though it was sent. `retry_after`: how long the target
    asks to be left alone.
    """

    succeeded: bool
    retryable: bool
    message: str
    unheard: bool = False
    retry_after: timedelta | None = None


class Caller(Protocol):
    """Opens sockets for actions."""

    async def call(
        self,
        call: Call,
        job: Job,
        occurrence: Occurrence,
        host: HostView | None,
        *,
        on_sent: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Make the call and return what came of it; never raises for anything a target does.

        `on_sent` is told when the first byte leaves: from then on the target may act on it.
        """
        ...

    def target(self, call: Call, host: HostView | None) -> str:
        """Name what a call is aimed at, such as `http://db-0:8080`: calls with the same name load the same thing."""
        ...
