"""A drain for an event that Azure has not announced, as of a rehearsal, moves nothing at the watcher."""

from pathlib import Path

import pytest

from services.vmwatch.metrics import Span
from services.vmwatch.statistics import Statistics
from shared.bus import Delivery
from shared.messages import Drain, DrainState, encode
from tests.parts.responding import ObedientResponder, a_desk, an_event
from tests.parts.watching import TurnedClock

REHEARSAL = "REHEARSAL-1"


@pytest.mark.parametrize("state", list(DrainState))
async def test_no_responder_acts_on_it_and_nothing_is_blocked(tmp_path: Path, state: DrainState) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([])
        await work.drain(REHEARSAL, state)
        work.later(3600)
        assert (responder.calls, work.block, work.desk.objection(REHEARSAL)) == ([], None, "")


async def test_a_real_event_beside_it_is_prepared_for_as_ever(tmp_path: Path) -> None:
    responder = ObedientResponder()
    async with a_desk(tmp_path, responder) as work:
        work.desk.take([an_event()])
        await work.until_unblocked()
        await work.drain(REHEARSAL, DrainState.OVERDUE)
        await work.drain("E1", DrainState.DRAINED)
        await work.until(lambda: responder.calls == ["E1 prepare", "E1 drained"])
        assert work.block is None


async def test_statistics_do_not_count_it() -> None:
    clock, found = TurnedClock(), list[tuple[Span, str, str, float]]()
    statistics = Statistics("db-0", lambda *counted: found.append(counted), clock)
    statistics.take(())
    drain = Drain(
        event_id=REHEARSAL,
        host="db-0",
        state=DrainState.DRAINED,
        running=0,
        held=0,
        rerouted=0,
        deadline=None,
        at=clock.now(),
    )
    await statistics.hear_drain(Delivery(topic="", payload=encode(drain), retained=True))
    assert found == []
