"""What arrives from the bus: checked, queued, and handed to its handlers one after the other."""

import asyncio
from collections.abc import Callable

from paho.mqtt.client import topic_matches_sub

from shared.bus.publications import PAYLOAD_LIMIT, Delivery, Handler
from shared.logs import get_logger
from shared.messages import MessageRefusedError, Refusal
from shared.ration import Ration

BACKLOG_LIMIT = 64 * 1024 * 1024
"""Bytes that may wait for slow handlers."""
_OVERHEAD = 512
_LOGGED_PER_SECOND = 5
_FAULT_CHARACTERS = 300
_log = get_logger(__name__)


class Inbox:
    """Handlers by topic filter, and the deliveries that wait for them."""

    def __init__(self, on_refused: Callable[[str], None], *, backlog_limit: int = BACKLOG_LIMIT) -> None:
        """`on_refused` hears the reason, of a closed set, of each refused message."""
        self._on_refused = on_refused
        self._backlog_limit = backlog_limit
        self._backlog = 0
        self._handlers: list[tuple[str, Handler]] = []
        self._queue: asyncio.Queue[Delivery | Callable[[], None]] = asyncio.Queue()
        self._lines = Ration(burst=20, per_second=_LOGGED_PER_SECOND)
        self._unlogged = 0

    @property
    def filters(self) -> tuple[str, ...]:
        """The topic filters of all handlers, each once, in order."""
        return tuple(dict.fromkeys(topic_filter for topic_filter, _ in self._handlers))

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have `handler` called for what matches the filter."""
        self._handlers.append((topic_filter, handler))

    def covers(self, topic: str) -> bool:
        """Whether a filter of ours brings this topic already."""
        return any(topic_matches_sub(topic_filter, topic) for topic_filter, _ in self._handlers)

    def put(self, delivery: Delivery) -> bool:
        """Queue a delivery; False when the handlers have fallen too far behind to take it."""
        if len(delivery.payload) > PAYLOAD_LIMIT:
            self.refuse(delivery, Refusal.TOO_LARGE, f"{len(delivery.payload)} bytes exceed {PAYLOAD_LIMIT}")
            return True
        if self._backlog > self._backlog_limit:
            return False
        self._backlog += len(delivery.payload) + _OVERHEAD
        self._queue.put_nowait(delivery)
        return True

    def then(self, mark: Callable[[], None]) -> None:
        """Call `mark` once everything queued so far has been handled."""
        self._queue.put_nowait(mark)

    async def run(self) -> None:
        """Handle deliveries in the order of their arrival, for life."""
        while True:
            item = await self._queue.get()
            if isinstance(item, Delivery):
                self._backlog -= len(item.payload) + _OVERHEAD
                await self._handle(item)
            else:
                item()

    async def _handle(self, delivery: Delivery) -> None:
        for topic_filter, handler in self._handlers:
            if not topic_matches_sub(topic_filter, delivery.topic):
                continue
            try:
                await handler(delivery)
            except MessageRefusedError as fault:
                self.refuse(delivery, fault.reason, str(fault))
            except Exception:  # noqa: BLE001 - the rim of the loop: the next message may be sound
                _log.exception("message not handled", topic=delivery.topic)

    def refuse(self, delivery: Delivery, reason: Refusal, fault: str) -> None:
        """Count a message that is not taken, and log it: of a flood only a few a second."""
        self._on_refused(reason)
        if self._lines.take():
            short = fault[:_FAULT_CHARACTERS]
            _log.warning("message refused", topic=delivery.topic, reason=reason, fault=short, unlogged=self._unlogged)
            self._unlogged = 0
        else:
            self._unlogged += 1
