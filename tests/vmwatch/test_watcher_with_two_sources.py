"""A watcher that hears of the same events from the metadata service and from Event Grid."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from services.vmwatch.documents import Document
from services.vmwatch.errors import MetadataOutcome, MetadataUnavailableError
from services.vmwatch.eventgrid.envelopes import Told
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.metrics import Metrics
from services.vmwatch.watcher import Life, Watcher
from shared.messages import Event
from shared.topics import Topics
from tests.parts.watching import RememberedOutlet, TurnedClock


class Azure:
    """A metadata service that answers with `events`, or fails when that is None."""

    def __init__(self) -> None:
        self.events: tuple[Event, ...] | None = ()

    async def read_events(self) -> Document:
        """Return the document. Raises MetadataError."""
        if self.events is None:
            raise MetadataUnavailableError(MetadataOutcome.TIMEOUT, "no answer")
        return Document(incarnation=1, events=self.events)


class Two:
    """A watcher of db-0 with both its sources."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.azure = Azure()
        self.sources = Sources(self.clock)
        self.said = RememberedOutlet()
        self.watcher = Watcher(
            Life(host="db-0", session="s1"),
            source=self.azure,
            outlet=self.said,
            topics=Topics(),
            metrics=Metrics("test"),
            clock=self.clock,
            monotonic=self.clock.monotonic,
            second=self.sources,
        )
        self.sources.on_news(self.watcher.look)

    async def lists(self, *statuses: str) -> None:
        """Let the metadata service list the event in that status, or nothing, and be asked."""
        self.azure.events = tuple(map(self.event, statuses))
        await self.poll()

    async def poll(self) -> None:
        """Let a few seconds pass and poll."""
        self.clock.turn(10)
        await self.watcher.poll()

    def tells(self, status: str) -> None:
        """Let Event Grid tell of the event."""
        self.clock.turn(1)
        now = self.clock.now()
        self.sources.tell(Told(envelope_id=str(now), event=self.event(status), scope="", at=now))

    def event(self, status: str) -> Event:
        not_before = self.clock.now() + timedelta(minutes=15) if status == "Scheduled" else None
        return Event(event_id="E", type="Reboot", status=status, resources=("db-0",), not_before=not_before)

    @property
    def shown(self) -> list[str]:
        """The statuses in the last snapshot."""
        return [event.status for event in self.said.snapshots()[-1].events]

    @property
    def ended(self) -> list[tuple[str, str]]:
        """What the last snapshot says has ended, and how."""
        return [(one.event_id, one.outcome) for one in self.said.snapshots()[-1].ended]


@pytest.fixture
def two() -> Two:
    """A watcher with two sources, both calm."""
    return Two()


async def test_an_event_counts_as_soon_as_one_source_knows_it_and_is_over_as_soon_as_one_says_so(two: Two) -> None:
    await two.lists()
    two.tells("Scheduled")
    assert two.shown == ["Scheduled"]
    await two.lists("Started")
    two.tells("Completed")
    assert (two.shown, two.ended) == ([], [("E", "completed")])
    before = len(two.said.snapshots())
    await two.lists("Started")
    await two.lists()
    assert len(two.said.snapshots()) == before
    assert two.said.notices() == ["scheduled", "started", "completed"]


async def test_only_what_the_metadata_service_itself_lists_can_be_approved(two: Two) -> None:
    await two.lists()
    two.tells("Scheduled")
    assert (two.shown, two.watcher.events) == (["Scheduled"], {})
    await two.lists("Scheduled")
    assert list(two.watcher.events) == ["E"]


async def test_what_event_grid_tells_before_the_first_document_is_not_taken_for_all(two: Two) -> None:
    wholes: list[bool] = []

    def hear(events: Iterable[Event], *, is_whole: bool) -> None:
        wholes.append(is_whole)

    two.watcher._hear = hear
    two.tells("Scheduled")
    await two.lists()
    assert wholes == [False, True]


async def test_an_event_that_event_grid_calls_off_after_its_start_is_cancelled(two: Two) -> None:
    await two.lists("Started")
    two.tells("Canceled")
    assert (two.ended, two.said.notices()) == ([("E", "cancelled")], ["started", "cancelled"])


async def test_event_grid_is_heard_while_the_metadata_service_fails_and_that_stays_visible(two: Two) -> None:
    two.azure.events = None
    await two.poll()
    two.tells("Scheduled")
    assert two.shown == ["Scheduled"]
    assert two.said.statuses()[-1].poll_ok is False
    await two.lists()
    assert (two.shown, two.said.statuses()[-1].poll_ok) == (["Scheduled"], True)


async def test_what_nobody_says_the_end_of_is_dropped_without_a_word_about_its_end(two: Two) -> None:
    await two.lists()
    two.tells("Scheduled")
    two.clock.turn(2 * 3600)
    await two.lists()
    assert (two.shown, two.ended, two.said.notices()) == ([], [], ["scheduled"])


async def test_without_a_second_source_nothing_is_certain_and_nothing_is_looked_at(two: Two) -> None:
    alone = Two()
    alone.watcher._second = None
    await alone.lists("Started")
    await alone.lists()
    alone.watcher.look()
    assert (alone.shown, alone.ended) == ([], [])
    assert alone.said.notices() == ["started", "completed"]
