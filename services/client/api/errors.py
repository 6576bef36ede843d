"""Why a call failed: refused by the scheduler, each kind a type, or not answered by one."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from services.client.api.model.base import Problem
from shared.errors import LeewardError, PermanentError


class AccessError(PermanentError):
    """The address, the token or the authority cannot be used; `about` is which: url, token or authority."""

    def __init__(self, about: str, message: str) -> None:
        """Keep the message, which says what to change and nothing of a token."""
        super().__init__(message)
        self.about = about


class RefusedError(LeewardError):
    """It was not done; `problem` is what the scheduler said, None when it was not asked."""

    def __init__(self, message: str, problem: Problem | None = None) -> None:
        """Keep the message, which names the field that has to change."""
        super().__init__(message)
        self.message = message
        self.problem = problem

    @property
    def field(self) -> str | None:
        """The JSON path of what has to change, if it is a field."""
        return self.problem.field if self.problem is not None else None


class InvalidError(RefusedError):
    """What was sent is not right (400, 413, 422)."""


class UnauthenticatedError(RefusedError):
    """No token, or none that is accepted (401)."""


class ForbiddenError(RefusedError):
    """This caller may not do it (403)."""


class NotFoundError(RefusedError):
    """What was named does not exist, or not for this caller (404)."""


class ConflictError(RefusedError):
    """It does not go with what is there: a plan's limits, a job that has ended (409)."""


class ThrottledError(RefusedError):
    """Too many requests (429); `after` is how many seconds to wait, if the scheduler said so."""

    def __init__(self, message: str, problem: Problem | None = None, after: float | None = None) -> None:
        """Keep what was said."""
        super().__init__(message, problem)
        self.after = after


class NotReachableError(LeewardError):
    """Nobody answered, or nobody who could."""


class UnansweredError(NotReachableError):
    """No answer came; `was_sent` says whether the request may have arrived all the same."""

    def __init__(self, message: str, *, was_sent: bool) -> None:
        """Keep the message."""
        super().__init__(message)
        self.was_sent = was_sent


class UntrustedError(NotReachableError):
    """The certificate is not trusted; nothing was sent."""


class StrangerError(NotReachableError):
    """Somebody answers who is no scheduler, or one that this client does not understand."""


class UnavailableError(NotReachableError):
    """The scheduler cannot serve now, or a proxy has none (502, 503, 504); `after` as for ThrottledError."""

    def __init__(self, message: str, after: float | None = None) -> None:
        """Keep what was said."""
        super().__init__(message)
        self.after = after


_REFUSALS: Mapping[int, type[RefusedError]] = MappingProxyType(
    {
        400: InvalidError,
        401: UnauthenticatedError,
        403: ForbiddenError,
        404: NotFoundError,
        409: ConflictError,
        413: InvalidError,
        422: InvalidError,
    }
)
AWAY = (502, 503, 504)
"""Statuses of a scheduler that cannot serve, or of a proxy that finds none: they come without a problem, too."""


def error_of(url: str, status: int, body: bytes, after: float | None) -> LeewardError:
    """Return the error that a reply of 400 or more stands for; `after`: its Retry-After in seconds."""
    problem = _problem(status, body)
    if status in AWAY:
        why = "" if problem is None else f": {_sentence(problem)}"
        return UnavailableError(f"{url} cannot serve now ({status}){why}", after)
    if problem is None:
        return StrangerError(f"{url} answers, but it is no scheduler ({status})")
    if status == 429:
        return ThrottledError(_sentence(problem), problem, after)
    return _REFUSALS.get(status, RefusedError)(_sentence(problem), problem)


def _problem(status: int, body: bytes) -> Problem | None:
    """Return the problem in a reply, None when it is no JSON object; one of another form is taken for its status."""
    try:
        document = msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        return None
    if not isinstance(document, dict):
        return None
    try:
        return msgspec.convert(document, Problem)
    except msgspec.ValidationError:
        return Problem(type="", title="", status=status, detail=f"the scheduler answered {status}")


def _sentence(problem: Problem) -> str:
    text = problem.detail or problem.title
    if problem.field:
        text = f"{problem.field}: {text}"
    return f"{text} (request {problem.request_id})" if problem.status >= 500 and problem.request_id else text
