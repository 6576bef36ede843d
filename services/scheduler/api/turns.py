"""Who counts before writing does both alone, or two callers at once would take the last place both."""

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary


class Turns:
    """A lock for each key that somebody is at, in this process."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def at(self, key: Hashable) -> asyncio.Lock:
        """Return the lock of `key`, to be entered at once; it is forgotten when nobody holds it or waits for it."""
        lock = self._locks.get(key)
        if lock is None:
            self._locks[key] = lock = asyncio.Lock()
        return lock
