"""What the tests of responders share: a desk on a clock to turn, responders that obey the test, errands."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from services.vmwatch.metrics import Metrics
from services.vmwatch.responders.base import Errand, Responder
from services.vmwatch.responders.calls import CALL_SECONDS, Calls
from services.vmwatch.responders.case_file import CaseFile, Memory
from services.vmwatch.responders.desk import Desk, Place
from shared.bus import Delivery
from shared.messages import Block, Drain, DrainState, Event, decode, encode
from shared.topics import HostKey, Topics
from tests.parts.watching import NOON, RememberedOutlet, TurnedClock

BLOCK_TOPIC = "leeward/v1/hosts/db-0/blocks/responders"


def an_event(event_id: str = "E1", *, notice: float | None = 300, **more: object) -> Event:
    """Return a Reboot of db-0 that Azure has scheduled, with so many seconds of notice from noon."""
    known: dict[str, object] = {"type": "Reboot", "status": "Scheduled", "resources": ("DB-0",), **more}
    not_before = None if notice is None else NOON + timedelta(seconds=notice)
    return Event(event_id=event_id, not_before=not_before, **known)  # type: ignore[arg-type]


def an_errand(event: Event | None = None, **more: object) -> Errand:
    """Return the errand of an event on db-0."""
    event = event or an_event()
    fields: dict[str, object] = {"deadline": event.not_before, **more}
    return Errand(host="db-0", computer_name="db0000", event=event, **fields)  # type: ignore[arg-type]


class ObedientResponder:
    """Remembers its calls; `prepare` waits for its gate, and a call fails when its phase is in `faults`."""

    def __init__(self, name: str = "command", *, types: tuple[str, ...] = (), is_open: bool = True) -> None:
        """Concern itself with events of those types, all if there are none."""
        self.name = name
        self.calls: list[str] = []
        self.errands: list[Errand] = []
        self.faults: dict[str, Exception] = {}
        self.gate = asyncio.Event()
        self._types = types
        if is_open:
            self.gate.set()

    def concerns(self, event: Event) -> bool:
        """Whether it is for events of this type."""
        return not self._types or event.type in self._types

    async def prepare(self, errand: Errand) -> None:
        """Wait for the gate."""
        self._note("prepare", errand)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.calls.append(f"{errand.event.event_id} cancelled")
            raise
        self._fail("prepare")

    async def drained(self, errand: Errand) -> None:
        """Remember it."""
        self._note("drained", errand)
        self._fail("drained")

    async def failed(self, errand: Errand, why: str) -> None:
        """Remember it, and why."""
        self._note(f"failed ({why})", errand)
        self._fail("failed")

    async def resume(self, errand: Errand) -> None:
        """Remember it."""
        self._note("resume", errand)
        self._fail("resume")

    def _note(self, what: str, errand: Errand) -> None:
        self.calls.append(f"{errand.event.event_id} {what}")
        self.errands.append(errand)

    def _fail(self, phase: str) -> None:
        if phase in self.faults:
            raise self.faults[phase]


class DeskWork:
    """A desk of db-0 that runs, and what it said on the bus."""

    def __init__(
        self,
        folder: Path,
        *responders: Responder,
        clock: TurnedClock,
        dry_run: bool,
        patience: float,
        memory: Memory | None,
    ) -> None:
        """Lay it out; its file is in the folder, unless it has another memory."""
        self.clock = clock
        self.said = RememberedOutlet()
        self.metrics = Metrics("test")
        self.desk = Desk(
            responders,
            Place(host="db-0", computer_name=lambda: "db0000"),
            calls=Calls(self.metrics, clock.monotonic, dry_run=dry_run, seconds=patience),
            memory=memory or CaseFile(folder / "cases.json", HostKey("db-0")),
            keeper=self.said,
            topics=Topics(),
            clock=clock,
            monotonic=clock.monotonic,
            dry_run=dry_run,
        )

    @property
    def block(self) -> str | None:
        """Why approvals have to wait by the desk's last word; None when they do not."""
        payload = next((payload for topic, payload in reversed(self.said.kept) if topic == BLOCK_TOPIC), b"")
        return decode(payload, Block).reason if payload else None

    async def drain(self, event_id: str, state: DrainState) -> None:
        """Have the scheduler tell how far the host is emptied."""
        drain = Drain(
            event_id=event_id, host="db-0", state=state, running=0, held=0, rerouted=0, deadline=None, at=NOON
        )
        topic = f"leeward/v1/hosts/db-0/drains/{event_id}"
        await self.desk.hear_drain(Delivery(topic=topic, payload=encode(drain), retained=True))

    def later(self, seconds: float) -> None:
        """Let time pass and have the desk look."""
        self.clock.turn(seconds)
        self.desk.look()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that the desk does by itself has come about; raises TimeoutError."""
        async with asyncio.timeout(5):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.001)

    async def until_unblocked(self) -> None:
        """Wait until approvals no longer have to wait."""
        await self.until(lambda: self.block is None)

    def runs(self, phase: str, outcome: str, responder: str = "command") -> float:
        """Return how often a responder's calls at a phase ended so."""
        labels = {"responder": responder, "phase": phase, "outcome": outcome}
        return self.metrics.registry.get_sample_value("leeward_responder_runs_total", labels) or 0.0


@asynccontextmanager
async def a_desk(
    folder: Path,
    *responders: Responder,
    clock: TurnedClock | None = None,
    dry_run: bool = False,
    patience: float = CALL_SECONDS,
    memory: Memory | None = None,
) -> AsyncIterator[DeskWork]:
    """Give a desk that runs; leaving it is the watcher's end."""
    work = DeskWork(
        folder, *responders, clock=clock or TurnedClock(), dry_run=dry_run, patience=patience, memory=memory
    )
    running = asyncio.create_task(work.desk.run())
    await asyncio.sleep(0)
    try:
        yield work
    finally:
        running.cancel()
        await asyncio.wait([running])
