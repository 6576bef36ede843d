"""How far an event has come, as the steps that the page draws."""

from enum import StrEnum

import msgspec

from services.scheduler.domain.hosts import STARTED
from services.scheduler.store.records import (
    ApprovalState,
    EventRecord,
)
from shared.messages import DrainState


class StepState(StrEnum):
    """How one step stands: behind us, happening, still to come, or gone wrong."""

    DONE = "done"
    NOW = "now"
    AHEAD = "ahead"
    WARN = "warn"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an event; `detail` is a short remark, may be empty."""

    name: str
    state: StepState
    detail: str = ""


def steps(event: EventRecord) -> tuple[Step, ...]:
    """Return the four steps of an active event: announced, drained, approved, interrupted."""
    return (Step(name="Announced", state=StepState.DONE), _drained(event), _approved(event), _interrupted(event))


def _drained(event: EventRecord) -> Step:
    drains = {host.drain for host in event.hosts.values()}
    running = sum(host.running for host in event.hosts.values())
    if DrainState.OVERDUE in drains:
        return Step(name="Drain overdue", state=StepState.WARN, detail=f"{running} still running")
    if DrainState.DRAINING in drains:
        return Step(name="Draining", state=StepState.NOW, detail=f"{running} still running")
    return Step(name="Drained", state=StepState.DONE if drains else StepState.AHEAD)


def _approved(event: EventRecord) -> Step:
    approval = event.approval
    if approval.state is ApprovalState.APPROVED:
        return Step(name="Approved", state=StepState.DONE, detail=f"by {approval.by}" if approval.by else "")
    if approval.state is ApprovalState.FOREIGN:
        return Step(name="Approved", state=StepState.DONE, detail="by someone else")
    if approval.state is ApprovalState.ASKED:
        return Step(name="Approving", state=StepState.NOW)
    if event.status == STARTED:
        return Step(name="Not approved", state=StepState.DONE, detail="it started by itself")
    return Step(name="Approved", state=StepState.AHEAD)


def _interrupted(event: EventRecord) -> Step:
    if event.status == STARTED:
        return Step(name="Interruption", state=StepState.NOW, detail="under way")
    return Step(name="Interruption", state=StepState.AHEAD)
