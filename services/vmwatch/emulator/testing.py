"""An emulator in a thread of its own, for tests of other programs: steered by plain calls, also from coroutines."""

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from services.vmwatch.emulator.clock import Pace
from services.vmwatch.emulator.events import Draft, Ending, Habits, RehearsedEvent
from services.vmwatch.emulator.faults import Fault
from services.vmwatch.emulator.fleet import DEFAULT_FLEET, Fleet, Vm, parse_vm
from services.vmwatch.emulator.hints import convert
from services.vmwatch.emulator.limits import Options
from services.vmwatch.emulator.server import Emulator
from services.vmwatch.emulator.stage import Approval, Stage
from shared.clock import SystemClock
from shared.settings import Listen

T = TypeVar("T")
_PATIENCE: Final = 10.0


class NotApprovedError(AssertionError):
    """Nobody approved in time: a test's own failure, so it is an AssertionError."""


class EmulatedImds:
    """A metadata service on a free port while the context is open; every call takes effect before it returns.

    Seconds are Azure's: with `speed=60` an event announced with a notice of 60 seconds starts in one.
    """

    def __init__(
        self, vms: Sequence[Vm | str] = (), *, fleet: Fleet | None = None, speed: float = 1.0, **options: Any
    ) -> None:
        """`vms` are written as `name:pool@address`; `options` are those of `leeward-imds` (`etag=True`, …).

        Raises FleetError, WrongKeysError for what cannot be.
        """
        own = Fleet(vms=tuple(parse_vm(vm) if isinstance(vm, str) else vm for vm in vms)) if vms else DEFAULT_FLEET
        self._stage = Stage(fleet or own, Pace(SystemClock(), speed=speed), _options(options))
        self._emulator = Emulator(self._stage, Listen("127.0.0.1", 0))
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin to listen; raises OSError when that is impossible."""
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="leeward-imds", daemon=True)
        self._thread.start()
        self._loop = started.result(_PATIENCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(_PATIENCE)
            self._loop = None

    # -- where it is ---------------------------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """The address; the first VM asks there, and `/control` is below it."""
        return self._emulator.control_url

    def url(self, vm: str) -> str:
        """Return what one VM has instead of http://169.254.169.254."""
        return self._emulator.url(vm)

    # -- what happens --------------------------------------------------------------------------------------------------

    def raise_event(self, event_type: str, *resources: str, **more: Any) -> RehearsedEvent:
        """Announce an event of these VMs, or of the first, and return it.

        `more` are the fields of a draft: `notice_seconds`, `status`, `source` … Raises WrongKeysError for others,
        RehearsalError for VMs that are not here.
        """
        named = resources or (self._stage.fleet.vms[0].name,)
        draft = convert({"type": event_type, "resources": named} | _camel(more), Draft)
        return self._do(lambda: self._stage.schedule(draft))

    def start(self, event_id: str) -> RehearsedEvent:
        """Start an event at once. Raises UnknownEventError."""
        return self._do(lambda: self._stage.start(event_id))

    def finish(self, event_id: str) -> None:
        """End an event as completed. Raises UnknownEventError."""
        self._do(lambda: self._stage.finish(event_id))

    def cancel(self, event_id: str) -> None:
        """Withdraw an event that has not started. Raises UnknownEventError, RehearsalError."""
        self._do(lambda: self._stage.cancel(event_id))

    def reschedule(self, event_id: str, notice_seconds: float) -> RehearsedEvent:
        """Move NotBefore to so many seconds from now. Raises UnknownEventError, RehearsalError."""
        return self._do(lambda: self._stage.reschedule(event_id, notice_seconds))

    def approve(self, event_id: str) -> RehearsedEvent:
        """Approve from outside the VMs, as somebody else would. Raises UnknownEventError."""
        return self._do(lambda: self._stage.approve_centrally(event_id))

    def interrupt(self, event_id: str, seconds: float) -> RehearsedEvent:
        """Let a started event's VMs stand still: they get no answers. Raises UnknownEventError, RehearsalError."""
        return self._do(lambda: self._stage.interrupt(event_id, seconds))

    def turn(self, seconds: float) -> None:
        """Let so many seconds of Azure's time pass at once."""
        self._do(lambda: self._stage.pace.turn(seconds))

    def reset(self, incarnation: int = 1) -> None:
        """Let the incarnation fall or jump."""
        self._do(lambda: self._stage.reset(incarnation))

    def fault(self, kind: str, **more: Any) -> None:
        """Let a fault stand besides others: `fault("status", status=429, count=3)`. Raises WrongKeysError."""
        fault = convert({"kind": kind} | _camel(more), Fault)
        self._do(lambda: self._stage.faults.add(fault, self._stage.pace.now()))

    def heal(self) -> None:
        """End all faults."""
        self._do(lambda: self._stage.faults.replace((), self._stage.pace.now()))

    # -- what is seen --------------------------------------------------------------------------------------------------

    def events(self) -> tuple[RehearsedEvent, ...]:
        """Return the live events."""
        return self._do(self._stage.events)

    def endings(self) -> tuple[Ending, ...]:
        """Return the events that are over, and how each ended."""
        self.events()
        return self._do(self._stage.endings)

    def approvals(self, event_id: str | None = None) -> tuple[Approval, ...]:
        """Return the StartRequests that came in, those for one event or all, oldest first."""
        wanted = None if event_id is None else event_id.upper()
        return self._do(lambda: tuple(one for one in self._stage.approvals() if wanted in {None, one.event_id}))

    def requests(self) -> dict[str, int]:
        """Return how often was asked, as `{"db-0 GET scheduledevents": 3}`."""
        return self._do(lambda: dict(self._stage.requests))

    def wait_for_approval(self, event_id: str, *, seconds: float = 5.0) -> Approval:
        """Return the first approval of an event, waiting for it; raises NotApprovedError after real `seconds`."""
        return self._submit(self._approval(event_id, seconds)).result()

    async def approval(self, event_id: str, *, seconds: float = 5.0) -> Approval:
        """Do the same for coroutines: the test's own event loop goes on meanwhile."""
        return await asyncio.wrap_future(self._submit(self._approval(event_id, seconds)))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _run(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        async def life() -> None:
            async with self._emulator:
                started.set_result(asyncio.get_running_loop())
                await self._over.wait()

        try:
            asyncio.run(life())
        except OSError as fault:
            started.set_exception(fault)

    async def _approval(self, event_id: str, seconds: float) -> Approval:
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for one in self._stage.approvals():
                        if one.event_id == event_id.upper():
                            return one
                    await self._stage.approved.heard()
        except TimeoutError:
            raise NotApprovedError(f"nobody approved event {event_id} within {seconds:g} s") from None

    def _do(self, verb: Callable[[], T]) -> T:
        async def done() -> T:
            return verb()

        return self._submit(done()).result(_PATIENCE)

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop is None:
            coroutine.close()
            raise RuntimeError("the emulator is used outside its context")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


def _options(options: dict[str, Any]) -> Options:
    """Read options as the command line has them, without a level for habits."""
    habits = {name: value for name, value in options.items() if name in Habits.__struct_fields__}
    others = {name: value for name, value in options.items() if name not in habits}
    return convert(others | {"habits": habits}, Options)


def _camel(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields named as the control API names them."""
    return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): value for name, value in fields.items()}
