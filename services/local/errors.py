"""What can go wrong while everything runs on one machine; each message says what to do."""

from shared.errors import LeewardError, PermanentError


class PortTakenError(PermanentError):
    """A part of `leeward up` cannot have its port: another program or part has it, or there is no such port."""


class AlreadyRunningError(PermanentError):
    """Another `leeward up` has this data folder."""


class DataFolderError(PermanentError):
    """The data folder cannot be made or written."""


class PartFailedError(LeewardError):
    """A part did not come up; the message ends with the last lines of its log."""


class RehearsalError(LeewardError):
    """The event could not be raised in the emulator."""


class DemoError(LeewardError):
    """The scheduler refused the demo collection."""
