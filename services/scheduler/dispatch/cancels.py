"""Cancel requests: what a job's target is sent when an execution of it was broken off (`maintenance.cancel`)."""

import asyncio
from datetime import timedelta

from msgspec.structs import replace

from services.scheduler.dispatch.answers import Caller
from services.scheduler.dispatch.running import Execution
from services.scheduler.domain.actions import ActionName
from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.threats import CANCEL_LIMIT
from services.scheduler.store.records import Claim


class Cancels:
    """Asks targets to end what they do."""

    def __init__(self, caller: Caller, limit: timedelta = CANCEL_LIMIT) -> None:
        """`limit` is how long one may take to answer."""
        self._caller = caller
        self._limit = limit

    async def tell(self, execution: Execution, claim: Claim, host: HostView | None) -> str | None:
        """Send the cancel request of a broken-off execution to where it ran; return what came of that, for people.

        None when nothing was sent: the job has no such request, or the target has never got what would be cancelled.
        """
        call = claim.job.definition.action.cancel
        if call is None or not execution.is_sent or claim.occurrence.action is not ActionName.MAIN:
            return None
        request = replace(claim.occurrence, action=ActionName.CANCEL)
        try:
            async with asyncio.timeout(self._limit.total_seconds()):
                return (await self._caller.call(call, claim.job, request, host)).message
        except TimeoutError:
            return f"no answer within {self._limit.total_seconds():g} s"
