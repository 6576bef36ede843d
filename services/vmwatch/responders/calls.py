"""Calls responders: within their time, counted and logged, and in a dry run only those that can rehearse."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from services.vmwatch.metrics import Metrics, RunOutcome
from services.vmwatch.responder_settings import Phase
from services.vmwatch.responders.base import Errand, Rehearsing, Responder, ResponderError, Tidying, UnheardError
from shared.logs import get_logger
from shared.messages import Event

CALL_SECONDS: Final = 300.0
"""How long a call may take that no deadline ends: a third of Azure's usual notice."""
_log = get_logger(__name__)


class Calls:
    """Calls responders side by side; none of their faults gets past."""

    def __init__(
        self, metrics: Metrics, monotonic: Callable[[], float], *, dry_run: bool = False, seconds: float = CALL_SECONDS
    ) -> None:
        """In a dry run each call is only logged, or rehearsed; `seconds` limits those that no deadline ends."""
        self._metrics = metrics
        self._monotonic = monotonic
        self._dry_run = dry_run
        self._seconds = seconds

    async def make(
        self, responders: Iterable[Responder], phase: Phase, errand: Errand, *, why: str = ""
    ) -> dict[str, str]:
        """Call them all at one phase and return, by name, why those failed that failed."""
        called = tuple(responders)
        faults = await asyncio.gather(*(self._make(each, phase, errand, why) for each in called))
        return {each.name: fault for each, fault in zip(called, faults, strict=True) if fault}

    async def tidy(
        self, responders: Iterable[Responder], host: str, computer_name: str, standing: Callable[[], Iterable[Event]]
    ) -> None:
        """Have those that can undo what an earlier life of this watcher left behind, and nothing in a dry run."""
        if not self._dry_run:
            able = {each.name: each for each in responders if isinstance(each, Tidying)}
            work = (_beside(name, "tidy", each.tidy(host, computer_name, standing)) for name, each in able.items())
            await asyncio.gather(*work)

    async def _make(self, responder: Responder, phase: Phase, errand: Errand, why: str) -> str:
        fields = {"responder": responder.name, "phase": phase, "event_id": errand.event.event_id}
        if self._dry_run:
            _log.info("dry run: responder not called", type=errand.event.type, why=why, **fields)
            self._metrics.count_run(responder.name, phase, RunOutcome.DRY_RUN, 0.0)
            if phase is Phase.PREPARE and isinstance(responder, Rehearsing):
                await _beside(responder.name, "rehearse", asyncio.wait_for(responder.rehearse(errand), self._seconds))
            return ""
        began, outcome, fault = self._monotonic(), RunOutcome.CANCELLED, ""
        try:
            outcome, fault = await self._attempt(responder, phase, errand, why)
        finally:
            seconds = self._monotonic() - began
            self._metrics.count_run(responder.name, phase, outcome, seconds)
            _log.info("responder called", outcome=outcome, seconds=round(seconds, 3), **fields)
        return fault

    async def _attempt(self, responder: Responder, phase: Phase, errand: Errand, why: str) -> tuple[RunOutcome, str]:
        """Return how a call went, and what of it matters to others."""
        has_deadline = phase is Phase.PREPARE and errand.deadline is not None
        try:
            async with asyncio.timeout(None if has_deadline else self._seconds):
                await _call(responder, phase, errand, why)
        except UnheardError as fault:
            _log.warning("responder unheard", responder=responder.name, phase=phase, reason=str(fault))
            return RunOutcome.FAILED, ""
        except ResponderError as fault:
            _log.error("responder failed", responder=responder.name, phase=phase, reason=str(fault))
            return RunOutcome.FAILED, str(fault)
        except TimeoutError:
            _log.error("responder too slow", responder=responder.name, phase=phase, seconds=self._seconds)
            return RunOutcome.FAILED, f"not done within {self._seconds:g} s"
        except Exception as fault:  # noqa: BLE001 - the rim: a responder's fault must not approve anything
            _log.exception("responder broke", responder=responder.name, phase=phase)
            return RunOutcome.FAILED, f"unexpected {type(fault).__name__}"
        return RunOutcome.DONE, ""


async def _beside(name: str, what: str, work: Awaitable[None]) -> None:
    """Do what no approval waits for; a fault is only logged."""
    try:
        await work
    except ResponderError as fault:
        _log.error("responder failed", responder=name, phase=what, reason=str(fault))
    except Exception:  # noqa: BLE001 - the rim: a responder's fault must not end the desk
        _log.exception("responder broke", responder=name, phase=what)


def _call(responder: Responder, phase: Phase, errand: Errand, why: str) -> Awaitable[None]:
    match phase:
        case Phase.PREPARE:
            return responder.prepare(errand)
        case Phase.DRAINED:
            return responder.drained(errand)
        case Phase.FAILED:
            return responder.failed(errand, why)
        case Phase.RESUME:
            return responder.resume(errand)
