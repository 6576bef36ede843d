"""How far an event has come, as steps."""

from datetime import UTC, datetime

import msgspec

from services.scheduler.api.schemas.fleet import event_document
from services.scheduler.portal.fleet.progress import StepState, steps
from services.scheduler.store.records import (
    Approval,
    ApprovalState,
    EventRecord,
    HostDrain,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNOUNCED = EventRecord(
    event_id="E",
    type="Reboot",
    status="Scheduled",
    resources=("db-0",),
    not_before=NOON,
    duration_seconds=None,
    source="User",
    description="",
    first_seen_at=NOON,
)


def states(event: EventRecord) -> list[StepState]:
    return [step.state for step in steps(event_document(event))]


def test_an_event_just_announced_has_everything_ahead() -> None:
    assert states(ANNOUNCED) == [StepState.DONE, StepState.AHEAD, StepState.AHEAD, StepState.AHEAD]


def test_a_draining_host_is_the_present_step() -> None:
    event = msgspec.structs.replace(ANNOUNCED, hosts={"db-0": HostDrain(drain="draining", running=2)})
    assert states(event)[1] is StepState.NOW
    assert steps(event_document(event))[1].detail == "2 still running"


def test_one_overdue_host_is_a_warning_whatever_the_others_do() -> None:
    hosts = {"db-0": HostDrain(drain="drained"), "db-1": HostDrain(drain="overdue", running=1)}
    assert states(msgspec.structs.replace(ANNOUNCED, hosts=hosts))[1] is StepState.WARN


def test_an_approved_and_started_event_is_at_its_last_step() -> None:
    event = msgspec.structs.replace(
        ANNOUNCED,
        status="Started",
        hosts={"db-0": HostDrain(drain="drained")},
        approval=Approval(state=ApprovalState.APPROVED, by="scheduler-a"),
    )
    assert states(event) == [StepState.DONE, StepState.DONE, StepState.DONE, StepState.NOW]


def test_an_event_that_started_without_approval_does_not_look_approved() -> None:
    step = steps(event_document(msgspec.structs.replace(ANNOUNCED, status="Started")))[2]
    assert (step.name, step.detail) == ("Not approved", "it started by itself")
