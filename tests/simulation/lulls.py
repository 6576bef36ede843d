"""How long hosts get nothing to do around an interruption."""

from collections.abc import Callable
from datetime import datetime

from shared.topics import HostKey
from tests.simulation.machines import Blow


class Lulls:
    """Seconds from the last start on a host before it is hit to the first one after."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.seconds: list[float] = []
        self._now = now
        self._last: dict[HostKey, datetime] = {}
        self._since: dict[HostKey, datetime] = {}

    def started(self, host: HostKey) -> None:
        """Something starts on a host."""
        now = self._now()
        self._last[host] = now
        since = self._since.pop(host, None)
        if since is not None:
            self.seconds.append((now - since).total_seconds())

    def struck(self, blow: Blow) -> None:
        """A host is hit; one that never comes back has no first start after it."""
        if blow.until is not None and blow.host in self._last:
            self._since.setdefault(blow.host, self._last[blow.host])
