"""What events of this host came to is counted once each."""

from datetime import timedelta

import pytest

from services.vmwatch.metrics import Metrics, Span
from services.vmwatch.statistics import Statistics
from shared.bus import Delivery
from shared.messages import Drain, DrainState, Event, encode
from tests.parts.watching import TurnedClock


class Counted:
    """Statistics of db-0, and what they have counted."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.found: list[tuple[Span, str, float]] = []
        self.statistics = Statistics("db-0", self._observe, self.clock)

    def _observe(self, span: Span, kind: str, source: str, seconds: float) -> None:
        self.found.append((span, f"{kind}/{source}", seconds))

    def event(self, status: str, *resources: str, notice: float | None = 900) -> Event:
        not_before = None if notice is None or status == "Started" else self.clock.now() + timedelta(seconds=notice)
        return Event(
            event_id="E",
            type="Reboot",
            status=status,
            source="User",
            resources=resources or ("DB-0",),
            not_before=not_before,
        )

    async def drain(self, state: DrainState) -> None:
        drain = Drain(
            event_id="e", host="db-0", state=state, running=0, held=0, rerouted=0, deadline=None, at=self.clock.now()
        )
        await self.statistics.hear_drain(Delivery(topic="", payload=encode(drain), retained=True))


@pytest.fixture
def counted() -> Counted:
    """One whose first document was calm."""
    made = Counted()
    made.statistics.take(())
    return made


async def test_an_event_is_measured_from_its_first_sight_to_its_end(counted: Counted) -> None:
    scheduled = counted.event("Scheduled")
    for _ in range(3):
        counted.statistics.take([scheduled])
    counted.clock.turn(4)
    for state in (DrainState.DRAINING, DrainState.DRAINED, DrainState.DRAINED):
        await counted.drain(state)
    counted.statistics.approved("E")
    counted.clock.turn(6)
    counted.statistics.take([counted.event("Started")])
    counted.clock.turn(30)
    counted.statistics.take([])
    kind = "Reboot/User"
    assert counted.found == [
        (Span.NOTICE, kind, 900.0),
        (Span.DRAIN, kind, 4.0),
        (Span.APPROVAL_TO_START, kind, 6.0),
        (Span.DURATION, kind, 30.0),
    ]


def test_an_event_that_is_born_started_gave_no_notice(counted: Counted) -> None:
    counted.statistics.take([counted.event("Started")])
    counted.clock.turn(8)
    counted.statistics.take([])
    assert [(span, seconds) for span, _, seconds in counted.found] == [(Span.NOTICE, 0.0), (Span.DURATION, 8.0)]


def test_an_event_that_is_cancelled_has_no_duration_and_one_without_a_date_no_notice(counted: Counted) -> None:
    counted.statistics.take([counted.event("Scheduled", notice=None)])
    counted.statistics.take([])
    assert counted.found == []


async def test_what_was_there_before_this_life_is_not_taken_for_short_notice() -> None:
    counted = Counted()
    counted.statistics.take([counted.event("Scheduled", notice=3)])
    await counted.drain(DrainState.DRAINED)
    counted.statistics.take([counted.event("Started")])
    counted.clock.turn(5)
    counted.statistics.take([])
    assert [span for span, _, _ in counted.found] == [Span.DURATION]


async def test_events_of_neighbours_and_drains_of_unknown_events_are_not_counted(counted: Counted) -> None:
    counted.statistics.take([counted.event("Scheduled", "db-1")])
    await counted.drain(DrainState.DRAINED)
    await counted.statistics.hear_drain(Delivery(topic="", payload=b"", retained=True))
    counted.statistics.take([])
    assert counted.found == []


def test_labels_come_from_closed_sets_and_series_with_the_first_event() -> None:
    metrics = Metrics("1")
    value = metrics.registry.get_sample_value
    assert value("leeward_event_notice_seconds_count", {"type": "Reboot", "source": "user"}) is None
    metrics.observe_event(Span.NOTICE, "Reboot", "User", 12)
    metrics.observe_event(Span.NOTICE, "Novelty", "Gremlin", 12)
    for labels in ({"type": "Reboot", "source": "user"}, {"type": "Other", "source": "other"}):
        assert value("leeward_event_notice_seconds_count", labels) == 1
        assert value("leeward_event_notice_seconds_bucket", {**labels, "le": "15.0"}) == 1
        assert value("leeward_event_notice_seconds_bucket", {**labels, "le": "10.0"}) == 0
