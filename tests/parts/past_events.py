"""A past event with everything that is measured of events."""

from datetime import timedelta

from services.scheduler.store.records import Approval, ApprovalState, EventOutcome, EventRecord, HostDrain
from shared.messages import DrainState
from tests.parts.fakes_api import NOON


def after(seconds: float) -> timedelta:
    """Return so many seconds."""
    return timedelta(seconds=seconds)


EVENT = EventRecord(
    event_id="E-1",
    type="Reboot",
    status="Started",
    resources=("db-0", "db-1"),
    not_before=None,
    duration_seconds=None,
    source="User",
    description="",
    first_seen_at=NOON,
    announced_for=NOON + after(900),
    started_at=NOON + after(70),
    ended_at=NOON + after(100),
    outcome=EventOutcome.COMPLETED,
    hosts={
        "db-0": HostDrain(drain=DrainState.DRAINED, drained_at=NOON + after(5)),
        "db-1": HostDrain(drain=DrainState.DRAINED, drained_at=NOON + after(60)),
    },
    approval=Approval(state=ApprovalState.APPROVED, at=NOON + after(61)),
)
