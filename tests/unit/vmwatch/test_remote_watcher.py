"""A watcher outside of the VMs: what it says of itself and of the events that Event Grid tells it."""

import pytest

from services.vmwatch.errors import MetadataRefusedError
from services.vmwatch.eventgrid.envelopes import Told
from services.vmwatch.eventgrid.sources import Sources
from services.vmwatch.metrics import Metrics
from services.vmwatch.remote import NoMetadata, RemoteWatcher
from services.vmwatch.watcher import Life
from shared.messages import Event, Inventory, MetadataState, Presence
from shared.topics import Topics
from tests.parts.watching import RememberedOutlet, TurnedClock


class Outside:
    """Such a watcher, and what it said."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.sources = Sources(self.clock)
        self.said = RememberedOutlet()
        self.watcher = RemoteWatcher(
            Life(host="grid", session="s1"),
            Inventory(host="grid", group="fleet"),
            sources=self.sources,
            outlet=self.said,
            topics=Topics(),
            metrics=Metrics("test"),
            clock=self.clock,
        )
        self.sources.on_news(self.watcher.take)
        self.watcher.begin()

    def tells(self, status: str, description: str = "", event_id: str = "E") -> None:
        """Let Event Grid tell of an event of db-0."""
        self.clock.turn(1)
        event = Event(event_id=event_id, type="Reboot", status=status, resources=("db-0",), description=description)
        now = self.clock.now()
        self.sources.tell(Told(envelope_id=str(now), event=event, scope="", at=now))


async def test_it_says_that_it_has_no_metadata_service_and_is_sure_of_nothing() -> None:
    outside = Outside()
    await outside.watcher.beat()
    (status,), (inventory,) = outside.said.statuses("grid"), outside.said.inventories("grid")
    assert (status.state, status.metadata, status.poll_ok) == (Presence.ONLINE, MetadataState.NONE, False)
    assert (inventory.group, inventory.pools) == ("fleet", ())
    (snapshot,) = outside.said.snapshots("grid")
    assert (snapshot.incarnation, snapshot.events, snapshot.ended) == (None, (), ())


async def test_it_shows_what_is_on_and_what_has_ended_and_announces_nothing() -> None:
    outside = Outside()
    for status in ("Scheduled", "Started", "Completed"):
        outside.tells(status)
    shown = [([event.status for event in each.events], len(each.ended)) for each in outside.said.snapshots("grid")]
    assert shown == [([], 0), (["Scheduled"], 0), (["Started"], 0), ([], 1)]
    assert [each.sequence for each in outside.said.snapshots("grid")] == [1, 2, 3, 4]
    assert outside.said.offered == []
    outside.clock.turn(86_401)
    await outside.watcher.look()
    assert outside.said.snapshots("grid")[-1].ended == ()


async def test_what_is_too_long_for_one_message_leaves_the_last_state_standing() -> None:
    outside = Outside()
    outside.tells("Scheduled")
    outside.tells("Scheduled", description="x" * 300_000, event_id="F")
    assert [event.event_id for event in outside.said.snapshots("grid")[-1].events] == ["E"]
    assert list(outside.watcher.events) == ["E"]
    outside.watcher.leave()
    assert outside.said.statuses("grid")[-1].state is Presence.OFFLINE


async def test_it_approves_nothing() -> None:
    with pytest.raises(MetadataRefusedError, match="ask one on a VM of the group"):
        await NoMetadata().approve("E")
