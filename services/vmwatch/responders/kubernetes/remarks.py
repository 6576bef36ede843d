"""The words of the Kubernetes Events that are written about the node; pure."""

from collections.abc import Iterable

from services.vmwatch.responders.base import Errand
from services.vmwatch.responders.kubernetes.evictions import Emptied
from services.vmwatch.responders.kubernetes.objects import Remark
from shared.entries import write_time
from shared.messages import Event


def cordoned(errand: Errand, *, ours: bool) -> Remark:
    """Say that the node is closed for an event."""
    whose = "closed to new pods" if ours else "closed already, by somebody else"
    return Remark(reason="Cordoned", message=f"{_about(errand.event)}: {whose}")


def emptied(errand: Errand, done: Emptied) -> Remark:
    """Say that the pods have left."""
    return Remark(reason="PodsEvicted", message=f"{_about(errand.event)}: {len(done.asked)} pods have left")


def forced(errand: Errand, pods: Iterable[str]) -> Remark:
    """Say which pods were deleted past their disruption budgets."""
    message = f"{_about(errand.event)}: deleted past their disruption budgets: {', '.join(pods)}"
    return Remark(reason="DisruptionBudgetOverridden", message=message, warning=True)


def drained(errand: Errand) -> Remark:
    """Say that the scheduler's jobs have left, too."""
    return Remark(reason="Drained", message=f"{_about(errand.event)}: pods and jobs have left, it may begin")


def failed(errand: Errand, why: str) -> Remark:
    """Say that the node was not made ready."""
    return Remark(reason="DrainFailed", message=f"{_about(errand.event)}: {why}", warning=True)


def uncordoned(errand: Errand) -> Remark:
    """Say that the node is open again."""
    return Remark(reason="Uncordoned", message=f"{_about(errand.event)} is over: open to pods again")


def left_cordoned(errand: Errand) -> Remark:
    """Say that somebody else's cordon stays."""
    return Remark(reason="CordonKept", message=f"{_about(errand.event)} is over: somebody else's cordon stays")


def tidied(*, is_open: bool) -> Remark:
    """Say that a mark was taken off that no event stands behind any more."""
    if is_open:
        return Remark(reason="Uncordoned", message="no event stands any more: open to pods again")
    return Remark(reason="CordonKept", message="no event stands any more: somebody else's cordon stays")


def _about(event: Event) -> str:
    when = f", not before {write_time(event.not_before)}" if event.not_before else ""
    return f"{event.type} {event.event_id}{when}"
