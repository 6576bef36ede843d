"""Rehearsals for tests: plans, and a fleet that one is announced to."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from services.scheduler.domain.hosts import HostView
from services.scheduler.domain.rehearsals import PREFIX, RehearsalPlan
from services.scheduler.fleet.rehearsals import staged
from services.scheduler.store.records import EventRecord, Rehearsal
from shared.topics import HostKey
from tests.parts.fleets import Watched
from tests.parts.stored import NOW, TESTER

PLAN = RehearsalPlan(
    type="Reboot",
    hosts=("db-0",),
    notice=timedelta(seconds=60),
    duration=timedelta(seconds=30),
    description="quarterly",
)
EVENT_ID = f"{PREFIX}1"


def a_rehearsal(event_id: str = EVENT_ID, *, at: datetime = NOW, **changes: object) -> Rehearsal:
    """Return a rehearsal of db-0 as the store keeps it, announced at an instant, its event with `changes`."""
    event = staged(PLAN, event_id, [HostView(key=HostKey("db-0"), name="db-0")], at)
    return Rehearsal(event=replace(event, **changes), by="tester")


async def announce(watched: Watched, event_id: str = EVENT_ID, **changes: object) -> EventRecord:
    """Announce PLAN, with `changes`, through one replica."""
    return await watched.fleet.rehearse(replace(PLAN, **changes), event_id, by=TESTER)
