"""The headers that belong to a refusal, whichever way in it is told."""

from services.scheduler.access.proofs import NotProvenError
from services.scheduler.api.throttle import ThrottledError
from services.scheduler.errors import StoreUnavailableError, UnauthenticatedError

_CHALLENGE = 'Bearer realm="leeward"'
_SOON_SECONDS = 1


def headers_of(error: Exception) -> dict[str, str]:
    """Return what says when to come back, or with what (RFC 6750 §3)."""
    match error:
        case NotProvenError():
            return {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'}
        case UnauthenticatedError():
            return {"WWW-Authenticate": _CHALLENGE}
        case ThrottledError():
            return {"Retry-After": str(error.retry_after)}
        case StoreUnavailableError():
            return {"Retry-After": str(_SOON_SECONDS)}
        case _:
            return {}
