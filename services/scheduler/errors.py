"""What can go wrong in the scheduler, each kind once; `api/problems` maps them to HTTP."""

from shared.errors import LeewardError, PermanentError, TransientError


class InvalidInputError(PermanentError):
    """What the caller sent cannot be accepted; `field` is the JSON path of the culprit, e.g. `recurrence.interval`."""

    def __init__(self, field: str, message: str) -> None:
        """Keep the path beside the message; the message says what to change."""
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class NotFoundError(PermanentError):
    """The thing named does not exist."""


class ConflictError(PermanentError):
    """The thing's present state forbids the change, or somebody changed it first."""


class NoRoomError(ConflictError):
    """The collection has as many jobs as it may; that is no race, and trying again is of no use."""

    def __init__(self, limit: int, jobs: int) -> None:
        """Say how many it may have, and would have."""
        super().__init__(f"the collection may have {limit} jobs and would have {jobs}")


class StoreUnavailableError(TransientError):
    """The database cannot be reached or refused for a reason that may pass."""


class SecretUnavailableError(TransientError):
    """A secret's key, file or variable is not there now; the message names it, never its text."""


class SecretRefusedError(PermanentError):
    """A secret does not belong where it stands, or the job may not use what it refers to."""


class UnauthenticatedError(PermanentError):
    """Nobody knows who asks: no credential came with the request, or none that is accepted."""


class ForbiddenError(PermanentError):
    """The caller is known and may not do this; the message says what it takes."""


class ForeignRequestError(PermanentError):
    """A browser sent this for a page of another site, or to an address that is not the scheduler's."""


class LeaseLostError(LeewardError):
    """Another replica has taken over this one's claims; nothing of them may fire or be recorded any more."""
