"""What it means when an API server does not do what was asked; pure.

Its codes alone do not say: a 403 is a missing right, a webhook's refusal or the end of a namespace, a 429 a disruption
budget or too many requests, a 500 a fault or two budgets for one pod.
"""

from typing import Final

import msgspec

from services.vmwatch.responders.kubernetes.errors import (
    BlockedError,
    BusyError,
    ClusterError,
    ConflictError,
    DeniedError,
    MissingError,
)

_BUDGET: Final = "DisruptionBudget"
_ENDING: Final = "NamespaceTerminating"
_WEBHOOK: Final = "admission webhook"
_TWO_BUDGETS: Final = "more than one PodDisruptionBudget"
_RIGHTS: Final = "grant it (k8s/components/kubernetes-responder has all that is needed)"
_LONGEST_WAIT: Final = 60.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came instead of what was asked: the HTTP status, and the API's own words where it sent any."""

    code: int
    message: str = ""
    causes: frozenset[str] = frozenset()
    retry_after: str | int | None = None

    @property
    def wait(self) -> float | None:
        """Seconds that the server asks to wait, at most a minute; None when it did not say."""
        try:
            seconds = float(self.retry_after) if self.retry_after is not None else None
        except ValueError:
            return None
        return None if seconds is None or not seconds > 0 else min(seconds, _LONGEST_WAIT)


def to_error(what: str, answer: Answer) -> ClusterError:
    """Return the error that an answer is; `what` names the verb and the resource."""
    told = f"{what}: {answer.message}"
    if _is_blocked(answer):
        return BlockedError(told, retry_after=answer.wait)
    match answer.code:
        case 401:
            return DeniedError(f"{what}: the API server does not accept the credentials ({answer.message})")
        case 403:
            return DeniedError(f"{what}: not allowed; {_RIGHTS}. {answer.message}")
        case 404:
            return MissingError(told)
        case 409:
            return ConflictError(told)
        case 408 | 425 | 429:
            return BusyError(told, retry_after=answer.wait)
        case code if code >= 500:
            return BusyError(told, retry_after=answer.wait)
    return ClusterError(told)


def _is_blocked(answer: Answer) -> bool:
    if _WEBHOOK in answer.message:
        return True
    match answer.code:
        case 429:
            return _BUDGET in answer.causes
        case 403:
            return _ENDING in answer.causes
        case 500:
            return _TWO_BUDGETS in answer.message
    return False
