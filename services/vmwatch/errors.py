"""What can go wrong in the watcher and its emulator, each kind once."""

from enum import StrEnum

from shared.errors import LeewardError, PermanentError, TransientError


class MetadataOutcome(StrEnum):
    """How a request to the metadata service ended; the closed set of `leeward_metadata_requests_total{outcome}`."""

    OK = "ok"
    UNCHANGED = "unchanged"
    BAD_REQUEST = "bad_request"
    NOT_FOUND = "not_found"
    NOT_ALLOWED = "not_allowed"
    GONE = "gone"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    REDIRECT = "redirect"
    UNEXPECTED = "unexpected"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TOO_BIG = "too_big"
    INVALID = "invalid"


class DocumentError(PermanentError):
    """A body that is not the document it should be; it never means "no events"."""


class MetadataError(LeewardError):
    """A request to the metadata service brought no usable answer; `status` is 0 when no HTTP answer came.

    `retry_after` is how many seconds the service wants to be left alone; 0 when it did not say.
    """

    def __init__(self, outcome: MetadataOutcome, message: str, *, status: int = 0, retry_after: float = 0.0) -> None:
        """Keep the outcome and HTTP status beside the message."""
        super().__init__(message)
        self.outcome = outcome
        self.status = status
        self.retry_after = retry_after


class MetadataUnavailableError(MetadataError, TransientError):
    """May go away by itself: a fault, a limit, a time-out, an unreadable body."""


class MetadataRefusedError(MetadataError, PermanentError):
    """The service calls the request itself wrong (400, 405): somebody has to fix version, address or code."""


class DiscoveryError(TransientError):
    """DHCP did not say where the metadata service is; the message says what to change."""


class FleetError(PermanentError):
    """A fleet description of the emulator that cannot be used."""


class TimelineError(PermanentError):
    """A timeline of the emulator that cannot be played; the message names the file and the step."""


class RecordingError(PermanentError):
    """A recording of the emulator that cannot be written or read; the message names the file and the line."""


class UnknownEventError(PermanentError):
    """The emulator has no live event of that id or name."""


class RehearsalError(PermanentError):
    """The emulator cannot do what was asked of it; the message says what to change."""


class ResponderError(LeewardError):
    """A responder could not do its work; the message says what, and what to change. The event is not approved then."""


class UnheardError(ResponderError):
    """Nobody took what a responder only tells: that is counted and logged, and no approval waits for it."""
