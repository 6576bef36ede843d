"""The live feed: what just happened, for the stream and the portal of this process. Best effort, never blocks."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec

from services.scheduler.domain.collections import CollectionId

_BACKLOG = 256


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. `kind` is `host`, `event`, `execution` or `job`; `summary` is a plain sentence.

    `collection_id` is whose it is; what is nobody's says in `bare` what callers confined to some collections read of
    it: the sentence without numbers of jobs and names of callers. None: nothing.
    """

    kind: str
    at: datetime
    summary: str
    data: dict[str, Any] = {}
    collection_id: CollectionId | None = None
    bare: str | None = None


class Feed:
    """Fans updates out to subscribers; one that does not keep up loses its oldest ones."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Update]] = set()

    @property
    def is_read(self) -> bool:
        """Whether anybody listens."""
        return bool(self._queues)

    def publish(self, update: Update) -> None:
        """Hand an update to every subscriber at once."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(update)

    @contextmanager
    def subscribe(self) -> Iterator[asyncio.Queue[Update]]:
        """Give a queue of the updates from now on, as long as the context lasts."""
        queue: asyncio.Queue[Update] = asyncio.Queue(_BACKLOG)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
