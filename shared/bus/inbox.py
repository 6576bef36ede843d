"""What arrives from the bus: checked, queued, and handed to its handlers one after the other."""

import asyncio
from collections.abc import Callable

from paho.mqtt.client import topic_matches_sub

from shared.bus.publications import PAYLOAD_LIMIT, Delivery, Handler
from shared.logs import get_logger
from shared.messages import MessageRefusedError

BACKLOG_LIMIT = 64 * 1024 * 1024
"""Bytes that may wait for slow handlers."""
_OVERHEAD = 512
_TOO_LARGE = "too-large"
_INVALID = "invalid"
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
            self._refuse(delivery, _TOO_LARGE, f"{len(delivery.payload)} bytes exceed {PAYLOAD_LIMIT}")
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
                self._refuse(delivery, _INVALID, str(fault))
            except Exception:  # noqa: BLE001 - the rim of the loop: the next message may be sound
                _log.exception("message not handled", topic=delivery.topic)

    def _refuse(self, delivery: Delivery, reason: str, fault: str) -> None:
        _log.warning("message refused", topic=delivery.topic, reason=reason, fault=fault)
        self._on_refused(reason)
