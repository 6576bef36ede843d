"""The desk under random documents, drains, delays, failures and restarts: no approval comes before the work is done."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from services.vmwatch.responders.base import Errand, ResponderError
from services.vmwatch.responders.cases import Case
from shared.messages import DrainState, Event
from tests.parts.responding import DeskWork, a_desk, an_event
from tests.parts.watching import TurnedClock

IDS = ("E1", "E2")
STEPS = st.lists(
    st.one_of(
        st.sets(st.sampled_from(IDS)),
        st.tuples(st.sampled_from(IDS), st.sampled_from(DrainState)),
        st.integers(1, 200),
        st.sampled_from(["finish", "break", "restart"]),
    ),
    max_size=25,
)
Step = set[str] | tuple[str, DrainState] | int | str


class Kept:
    """A memory that outlives the desk."""

    def __init__(self) -> None:
        self.cases: tuple[Case, ...] = ()

    def load(self) -> tuple[Case, ...]:
        return self.cases

    async def save(self, cases: Iterable[Case]) -> None:
        self.cases = tuple(cases)


class Judge:
    """A responder of all lives that ends its work when told to, and finds out what must never be."""

    name = "command"

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.present: set[str] = set()
        self.prepared: set[str] = set()
        self.begun: set[str] = set()
        self.under_way: dict[str, asyncio.Future[None]] = {}

    def concerns(self, _event: Event) -> bool:
        return True

    async def prepare(self, errand: Errand) -> None:
        event_id = errand.event.event_id
        self._hold(event_id not in self.under_way, "prepared twice at once")
        self._hold(event_id in self.present, "prepared for an event that is gone")
        self.begun.add(event_id)
        self.under_way[event_id] = asyncio.get_running_loop().create_future()
        try:
            await self.under_way[event_id]
            self.prepared.add(event_id)
        finally:
            del self.under_way[event_id]

    async def drained(self, errand: Errand) -> None:
        self._hold(errand.event.event_id in self.prepared, "drained before it was ready")
        self._hold(errand.drain is DrainState.DRAINED, "drained without the scheduler's word")

    async def failed(self, errand: Errand, why: str) -> None:
        self._hold(errand.event.event_id not in self.under_way, "failed while at work")
        self._hold(bool(why), "failed without a reason")

    async def resume(self, errand: Errand) -> None:
        event_id = errand.event.event_id
        self._hold(event_id not in self.present, "back to work while the event stands")
        self._hold(event_id not in self.under_way, "back to work while at work")
        self.prepared.discard(event_id)
        self.begun.discard(event_id)

    def _hold(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.wrong.append(otherwise)

    def end(self, *, well: bool) -> None:
        """End what is under way."""
        for work in self.under_way.values():
            if not work.done():
                work.set_result(None) if well else work.set_exception(ResponderError("no"))


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_approval_comes_before_the_work_is_done_and_no_resume_before_the_end(steps: list[Step]) -> None:
    judge = asyncio.run(lived(steps))
    assert judge.wrong == []
    assert judge.under_way == {}
    assert judge.begun <= judge.present


async def lived(steps: list[Step]) -> Judge:
    """Go through all steps, over as many lives as they ask for, and to a calm end."""
    judge, memory, clock = Judge(), Kept(), TurnedClock()
    lives: list[list[Step]] = [[]]
    for step in steps:
        lives.append([]) if step == "restart" else lives[-1].append(step)
    lives.append([set()])
    for life in lives:
        async with a_desk(Path(), judge, clock=clock, memory=memory) as work:
            for step in life:
                await do(step, work, judge)
                await settled()
                check(work, judge)
    return judge


async def do(step: Step, work: DeskWork, judge: Judge) -> None:
    if isinstance(step, set):
        judge.present = step
        work.desk.take([an_event(event_id) for event_id in sorted(step)])
        return
    match step:
        case (str() as event_id, DrainState() as state):
            await work.drain(event_id, state)
        case int():
            work.later(step)
        case "finish" | "break":
            judge.end(well=step == "finish")


def check(work: DeskWork, judge: Judge) -> None:
    """Hold the desk to its promise, once it has published anything in this life."""
    if work.said.kept and work.block is None:
        assert judge.present <= judge.prepared
        assert all(not work.desk.objection(event_id) for event_id in judge.present)


async def settled() -> None:
    """Let every step of the desk go as far as it can."""
    for _ in range(40):
        await asyncio.sleep(0)
