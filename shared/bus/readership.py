"""Which topics nobody reads, as the broker's acknowledgements tell: reports on these can be spared. No I/O."""

import time
from collections.abc import Callable

PROBES_PER_SECOND = 100
"""Publications to unread topics: what is less than that is never spared."""
_TOPICS_LIMIT = 100_000


class Readership:
    """Remembers unread topics. New readers are found by probing, and the first one found puts all in doubt again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with every topic worth trying; `clock` tells seconds."""
        self._clock = clock
        self._unread: set[str] = set()
        self._probed: set[str] = set()
        self._next_probe = clock()

    def is_worth_trying(self, topic: str) -> bool:
        """Whether somebody may read this topic; now and then also said of an unread one, to see if that has changed."""
        if topic not in self._unread:
            return True
        now = self._clock()
        if now < self._next_probe:
            return False
        self._next_probe = now + 1 / PROBES_PER_SECOND
        self._unread.discard(topic)
        self._probed.add(topic)
        return True

    def note(self, topic: str, *, is_read: bool) -> None:
        """Learn from an acknowledgement."""
        was_probed = topic in self._probed
        if is_read:
            if was_probed:
                # Most readers subscribe to more than one topic.
                self.forget()
        elif len(self._unread) < _TOPICS_LIMIT:
            self._unread.add(topic)
            self._probed.discard(topic)

    def forget(self) -> None:
        """Begin anew: another connection, or new readers."""
        self._unread.clear()
        self._probed.clear()
