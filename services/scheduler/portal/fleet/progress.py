"""How far an event has come, as the steps that the page draws."""

from enum import StrEnum

import msgspec

from services.scheduler.api.schemas.fleet import EventDocument
from services.scheduler.domain.hosts import STARTED
from services.scheduler.store.records import ApprovalState
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


def steps(event: EventDocument) -> tuple[Step, ...]:
    """Return the four steps of an active event: announced, drained, approved, interrupted."""
    return (Step(name="Announced", state=StepState.DONE), _drained(event), _approved(event), _interrupted(event))


def _drained(event: EventDocument) -> Step:
    drains = {host.drain for host in event.hosts.values()}
    if DrainState.OVERDUE in drains:
        return Step(name="Drain overdue", state=StepState.WARN, detail=_still_running(event))
    if DrainState.DRAINING in drains:
        return Step(name="Draining", state=StepState.NOW, detail=_still_running(event))
    return Step(name="Drained", state=StepState.DONE if drains else StepState.AHEAD)


def _still_running(event: EventDocument) -> str:
    """Say how many executions are left, to whom the numbers are shown."""
    running = [host.running for host in event.hosts.values() if host.running is not None]
    return f"{sum(running)} still running" if running else ""


def _approved(event: EventDocument) -> Step:
    approval = event.approval
    if event.is_rehearsal:
        return Step(name="No approval", state=StepState.DONE, detail="it is a rehearsal")
    if approval.state is ApprovalState.APPROVED:
        return Step(name="Approved", state=StepState.DONE, detail=f"by {approval.by}" if approval.by else "")
    if approval.state is ApprovalState.FOREIGN:
        return Step(name="Approved", state=StepState.DONE, detail="by someone else")
    if approval.state is ApprovalState.ASKED:
        return Step(name="Approving", state=StepState.NOW)
    if event.status == STARTED:
        return Step(name="Not approved", state=StepState.DONE, detail="it started by itself")
    return Step(name="Approved", state=StepState.AHEAD)


def _interrupted(event: EventDocument) -> Step:
    if event.status == STARTED:
        return Step(name="Interruption", state=StepState.NOW, detail="under way")
    return Step(name="Interruption", state=StepState.AHEAD)
