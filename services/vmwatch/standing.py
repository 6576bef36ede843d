"""How the metadata service stands for this watcher, as far as its answers tell (reference §1.3, §1.7).

Azure never says whether the service was just switched on. It is after a day in which nobody asked, and its incarnation
begins at 1 again: a document at 1 without events, or an incarnation that falls, is what a fresh one looks like.
"""

from datetime import datetime, timedelta
from typing import Final

from services.vmwatch.documents import Document
from shared.logs import get_logger
from shared.messages import MetadataState

ACTIVATION: Final = timedelta(minutes=5)
"""How long after it was switched on the service may keep events back."""
SWITCHED_OFF: Final = timedelta(hours=24)
"""How long nobody asks until Azure switches the service off."""
_FIRST_INCARNATION: Final = 1
_log = get_logger(__name__)


class Standing:
    """The state of the service, since when, and how often it began anew."""

    def __init__(self, now: datetime) -> None:
        """Wait for the first answer from now on."""
        self.state = MetadataState.WAITING
        self.since = now
        self.resets = 0
        self._incarnation: int | None = None
        self._answered_at: datetime | None = None
        self._active_at = now

    def answered(self, document: Document, now: datetime) -> None:
        """Take a good answer in."""
        if self._is_fresh(document, now):
            self._active_at = now + ACTIVATION
        if document.events:
            self._active_at = now
        self._incarnation = document.incarnation
        self._answered_at = now
        self._become(MetadataState.ACTIVATING if now < self._active_at else MetadataState.ACTIVE, now)

    def failed(self, now: datetime) -> None:
        """Take a failure in."""
        self._become(MetadataState.FAILING, now)

    def _is_fresh(self, document: Document, now: datetime) -> bool:
        """Whether the service was switched on not long before this answer."""
        if self._incarnation is None or self._answered_at is None:
            return document.incarnation <= _FIRST_INCARNATION
        if document.incarnation < self._incarnation:
            self.resets += 1
            _log.warning("incarnation fell: the service began anew", was=self._incarnation, now=document.incarnation)
            return True
        return now - self._answered_at > SWITCHED_OFF

    def _become(self, state: MetadataState, now: datetime) -> None:
        if state is not self.state:
            _log.info("metadata service", state=state, before=self.state, seconds=(now - self.since).total_seconds())
            self.state, self.since = state, now
