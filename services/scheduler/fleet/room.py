"""How much of what the watchers say is kept, and how often their news is looked at: bounded, whoever says it."""

from collections.abc import Callable, Iterable

from shared.ration import Ration
from shared.topics import HostKey

KEPT_LIMIT = 128 * 1024 * 1024
"""Bytes of messages that are kept at a time: about ten thousand hosts with all they have to say."""
OVERHEAD = 4096
"""What keeping a message costs besides its payload, at most."""
EVENTS_LIMIT = 500
"""Events in a snapshot: a placement group has at most a hundred machines."""
_NEWS_AT_ONCE, _NEWS_PER_SECOND = 20, 5
_EVENTS_PER_SECOND = 1


class Room:
    """Remembers what is kept of whom. Nothing here is said to the sender: a sound one never comes near these limits."""

    def __init__(self, clock: Callable[[], float], *, limit: int = KEPT_LIMIT) -> None:
        """`clock` tells seconds and never goes back."""
        self._clock = clock
        self._limit = limit
        self._total = 0
        self._sizes: dict[HostKey, dict[str, int]] = {}
        self._news: dict[HostKey, Ration] = {}
        self._events: dict[HostKey, Ration] = {}

    def take(self, host: HostKey, part: str, size: int) -> bool:
        """Make room for a message instead of the one before it; False when there is none."""
        parts = self._sizes.get(host, {})
        grown = size + OVERHEAD - parts.get(part, 0)
        if grown > 0 and self._total + grown > self._limit:
            return False
        self._total += grown
        self._sizes.setdefault(host, parts)[part] = size + OVERHEAD
        return True

    def leave(self, host: HostKey, part: str) -> None:
        """Give back the room of a message that is not kept any more."""
        self._total -= self._sizes.get(host, {}).pop(part, 0)

    def forget(self, hosts: Iterable[HostKey]) -> None:
        """Give back all the room of hosts that are not kept any more."""
        for host in hosts:
            self._total -= sum(self._sizes.pop(host, {}).values())
            self._news.pop(host, None)
            self._events.pop(host, None)

    def has_news_left(self, host: HostKey) -> bool:
        """Whether news of the host may be looked at now; if not, it can wait for the next second."""
        return self._ration(self._news, host, _NEWS_AT_ONCE, _NEWS_PER_SECOND).take()

    def has_events_left(self, host: HostKey, count: int) -> bool:
        """Whether so many events that it did not list before may come from the host: each is a record in the store."""
        return self._ration(self._events, host, EVENTS_LIMIT, _EVENTS_PER_SECOND).take(count)

    def _ration(self, rations: dict[HostKey, Ration], host: HostKey, burst: int, per_second: int) -> Ration:
        ration = rations.get(host)
        if ration is None:
            ration = rations[host] = Ration(burst=burst, per_second=per_second, clock=self._clock)
        return ration
