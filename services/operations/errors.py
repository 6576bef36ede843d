"""What can go wrong while an installation is looked after; each message says what to do."""

from shared.errors import PermanentError


class ArchiveError(PermanentError):
    """A file that is no backup, is damaged, or is of a newer version; nothing was changed."""
