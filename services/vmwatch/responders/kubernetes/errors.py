"""What a cluster can answer instead of doing what was asked."""

from services.vmwatch.errors import ResponderError


class ClusterError(ResponderError):
    """The API server did not do what was asked; the message names the verb and the resource."""


class DeniedError(ClusterError):
    """It may not be asked that: credentials or rights are missing, and somebody has to change them."""


class MissingError(ClusterError):
    """There is no such object, or no longer."""


class ConflictError(ClusterError):
    """The object has changed since it was read, or is another one by now."""


class BlockedError(ClusterError):
    """A pod may not go now: a disruption budget, an admission webhook or the end of its namespace keeps it."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep how many seconds the server asks to wait."""
        super().__init__(message)
        self.retry_after = retry_after


class BusyError(ClusterError):
    """The API server is away, slow or overloaded: the same request may succeed later."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep how many seconds the server asks to wait."""
        super().__init__(message)
        self.retry_after = retry_after
