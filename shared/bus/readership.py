"""Whether reports are read, as the broker's acknowledgements tell: those that nobody reads can be spared. No I/O."""

import time
from collections.abc import Callable

PROBES_PER_SECOND = 10
"""Reports that nobody reads and that are made all the same: what is rarer than this is never spared, and a new reader
is found within a tenth of a second. Each costs as much as several calls."""
_ENOUGH_TOPICS = 100
_TOPICS_LIMIT = 100_000


class Readership:
    """Remembers unread topics. Probes find new readers, and the first one found puts all topics in doubt again.

    As long as no topic has had a reader, a hundred unread ones speak for those not tried yet.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with every topic worth trying; `clock` tells seconds."""
        self._clock = clock
        self._unread: set[str] = set()
        self._probed: set[str] = set()
        self._anybody = False
        self._next_probe = clock()

    def is_worth_trying(self, topic: str) -> bool:
        """Whether somebody may read this topic; now and then also said of an unread one, to see if that has changed."""
        if not self._is_unread(topic):
            return True
        now = self._clock()
        if now < self._next_probe:
            return False
        self._next_probe = now + 1 / PROBES_PER_SECOND
        self._probed.add(topic)
        return True

    def note(self, topic: str, *, is_read: bool) -> None:
        """Learn from an acknowledgement."""
        if not is_read:
            self._probed.discard(topic)
            if len(self._unread) < _TOPICS_LIMIT:
                self._unread.add(topic)
        elif topic in self._probed or not self._anybody:
            # Most readers subscribe to more than one topic.
            self.forget()
            self._anybody = True

    def forget(self) -> None:
        """Begin anew: another connection, or new readers."""
        self._unread.clear()
        self._probed.clear()
        self._anybody = False

    def _is_unread(self, topic: str) -> bool:
        presumed = not self._anybody and len(self._unread) >= _ENOUGH_TOPICS
        return (presumed or topic in self._unread) and topic not in self._probed
