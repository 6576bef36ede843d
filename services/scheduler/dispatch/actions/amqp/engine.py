"""AMQP 1.0 without a socket: bytes and messages in, bytes and events out, by Qpid Proton.

https://docs.oasis-open.org/amqp/core/v1.0/amqp-core-overview-v1.0.html
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import ClassVar

import msgspec
from proton import (
    SASL,
    Collector,
    Condition,
    Connection,
    Delivery,
    Disposition,
    Event,
    Link,
    Sender,
    Session,
    Transport,
)

FRAME_BYTES = 65536
LINES = 200
"""Links at a time; one that is not used makes way for another."""
IDLE_SECONDS = 60.0
"""A peer that is silent for longer is gone; heartbeats fill the silence."""
ACCEPTED, REJECTED = int(Disposition.ACCEPTED), int(Disposition.REJECTED)

Entity = str
Tag = str


class Opened(msgspec.Struct, frozen=True):
    """The peer knows who we are, and has opened the connection."""


class Ended(msgspec.Struct, frozen=True):
    """The connection is over; `condition` is AMQP's name for why, or empty."""

    condition: str
    description: str


class LinkEnded(msgspec.Struct, frozen=True):
    """The peer takes no more messages for `entity` over this link, and knows nothing of those not settled.

    `was_used`: it had taken, or begun to take, some.
    """

    entity: Entity
    condition: str
    description: str
    was_used: bool


class Settled(msgspec.Struct, frozen=True):
    """What became of a message: `outcome` is ACCEPTED, REJECTED or another, the rest says why it was rejected."""

    entity: Entity
    tag: Tag
    outcome: int
    condition: str
    description: str


AmqpEvent = Opened | Ended | LinkEnded | Settled


class _Line:
    """A link to one entity, in a session of its own, and the messages that wait for its credit.

    A peer may end the session for what it thinks of one link: that must not touch the others.
    """

    def __init__(self, session: Session, sender: Sender) -> None:
        self.session = session
        self.sender = sender
        self.waiting: dict[Tag, bytes] = {}
        self.was_used = False

    @property
    def is_idle(self) -> bool:
        """Whether no message is on its way or waits."""
        return not self.waiting and not self.sender.unsettled


class Engine:
    """One connection's protocol, as a client that only sends; the caller moves the bytes."""

    def __init__(self, *, host: str, container: str, user: str, password: str) -> None:
        """Open towards `host` with SASL PLAIN, which is only for connections that are encrypted."""
        self._lines: dict[Entity, _Line] = {}
        self._told: deque[AmqpEvent] = deque()
        self._collector = Collector()
        self._connection = Connection()
        self._connection.collect(self._collector)
        self._connection.hostname = host
        self._connection.container = container
        self._connection.user = user
        self._connection.password = password
        self._transport = Transport()
        self._transport.max_frame_size = FRAME_BYTES
        self._transport.idle_timeout = IDLE_SECONDS
        sasl = self._transport.sasl()
        sasl.allowed_mechs("PLAIN")
        sasl.allow_insecure_mechs = True  # Proton does not see that TLS is below it
        self._sasl = sasl
        self._transport.bind(self._connection)
        self._connection.open()

    def send(self, entity: Entity, tag: Tag, message: bytes) -> None:
        """Send an encoded message as soon as the peer gives credit; `Settled` or an end follows."""
        line = self._lines.pop(entity, None) or self._attach(entity, tag)
        self._lines[entity] = line  # the last one is the one used last
        line.waiting[tag] = message
        self._go_on(line)

    def is_waiting(self, entity: Entity, tag: Tag) -> bool:
        """Whether a message still waits for credit."""
        line = self._lines.get(entity)
        return line is not None and tag in line.waiting

    def forget(self, entity: Entity, tag: Tag) -> None:
        """Do not send a message that still waits for credit."""
        line = self._lines.get(entity)
        if line is not None:
            line.waiting.pop(tag, None)

    def close(self) -> None:
        """Say goodbye."""
        self._connection.close()

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take what came from the peer."""
        view = memoryview(data)
        while view and (room := self._transport.capacity()) > 0:
            self._transport.push(bytes(view[:room]))
            view = view[room:]

    def end_input(self) -> None:
        """Take note that nothing more will come."""
        if self._transport.capacity() >= 0:
            self._transport.close_tail()

    def output(self) -> bytes:
        """Return, once, what is to be sent to the peer."""
        size = self._transport.pending()
        if size <= 0:
            return b""
        data = self._transport.peek(size) or b""
        self._transport.pop(len(data))
        return data

    def tick(self, now: float) -> float:
        """Make heartbeats due by `now` (seconds), notice a silent peer; return when to come again, 0: no need."""
        return float(self._transport.tick(now))

    # -- events --------------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[AmqpEvent]:
        """Yield what has happened since, and do what the protocol asks for."""
        while (event := self._collector.peek()) is not None:
            found = self._read(event)
            self._collector.pop()
            if found is not None:
                yield found
        while self._told:
            yield self._told.popleft()

    def _read(self, event: Event) -> AmqpEvent | None:
        reader = self._READERS.get(event.type)
        return None if reader is None else reader(self, event)

    def _on_opened(self, _event: Event) -> AmqpEvent:
        return Opened()

    def _on_closed(self, _event: Event) -> AmqpEvent:
        return Ended(*_words(self._connection.remote_condition))

    def _on_session_closed(self, event: Event) -> AmqpEvent | None:
        return next((self._drop(line) for line in self._lines.values() if line.session == event.session), None)

    def _on_transport(self, _event: Event) -> AmqpEvent | None:
        """Read the peer's verdict on our key at once: Proton tells of it when the peer hangs up."""
        if self._sasl.outcome in (None, SASL.OK):
            return None
        condition = "amqp:unauthorized-access" if self._sasl.outcome in (SASL.AUTH, SASL.PERM) else ""
        return Ended(condition, "the namespace has refused the key or its name")

    def _on_error(self, _event: Event) -> AmqpEvent:
        return Ended(*_words(self._transport.condition))

    def _on_link_closed(self, event: Event) -> AmqpEvent | None:
        return next((self._drop(line) for line in self._lines.values() if line.sender == event.link), None)

    def _on_flow(self, event: Event) -> None:
        for line in self._lines.values():
            if line.sender == event.link:
                self._go_on(line)

    def _on_delivery(self, event: Event) -> AmqpEvent | None:
        delivery = event.delivery
        if delivery is None or not delivery.updated or not (delivery.remote_state or delivery.settled):
            return None
        told = _settled(_entity(delivery.link), delivery)
        delivery.settle()
        return told

    _READERS: ClassVar[dict[object, Callable[["Engine", Event], AmqpEvent | None]]] = {
        Event.CONNECTION_REMOTE_OPEN: _on_opened,
        Event.CONNECTION_REMOTE_CLOSE: _on_closed,
        Event.SESSION_REMOTE_CLOSE: _on_session_closed,
        Event.TRANSPORT: _on_transport,
        Event.TRANSPORT_ERROR: _on_error,
        Event.LINK_REMOTE_CLOSE: _on_link_closed,
        Event.LINK_REMOTE_DETACH: _on_link_closed,
        Event.LINK_FLOW: _on_flow,
        Event.DELIVERY: _on_delivery,
    }

    def _attach(self, entity: Entity, tag: Tag) -> _Line:
        if len(self._lines) >= LINES:
            idle = next((line for line in self._lines.values() if line.is_idle), None)
            if idle is not None:
                self._drop(idle)
        session = self._connection.session()
        session.open()
        # A link's name is its own for ever (§2.6.1): the first message's tag tells it from its predecessors.
        sender = session.sender(f"{entity}/{tag}")
        sender.target.address = entity
        sender.source.address = "leeward"
        sender.open()
        return _Line(session, sender)

    def _drop(self, line: _Line) -> AmqpEvent:
        entity = _entity(line.sender)
        del self._lines[entity]
        told = _words(line.sender.remote_condition or line.session.remote_condition)
        line.session.close()
        line.session.free()
        return LinkEnded(entity, *told, was_used=line.was_used)

    def _go_on(self, line: _Line) -> None:
        while line.waiting and line.sender.credit > 0:
            tag = next(iter(line.waiting))
            message = line.waiting.pop(tag)
            limit = line.sender.remote_max_message_size
            if limit and len(message) > limit:
                # The peer would end the link, and with it everybody else's messages.
                why = f"the message has {len(message)} bytes, and the entity takes {limit} at the most"
                self._told.append(Settled(_entity(line.sender), tag, REJECTED, "amqp:link:message-size-exceeded", why))
                continue
            line.was_used = True
            line.sender.delivery(tag)
            line.sender.stream(message)
            line.sender.advance()


def _entity(link: Link) -> Entity:
    return str(link.target.address)


def _settled(entity: Entity, delivery: Delivery) -> Settled:
    outcome = delivery.remote_state
    condition = delivery.remote.condition if outcome == REJECTED else None
    return Settled(entity, str(delivery.tag), int(outcome), *_words(condition))


def _words(condition: Condition | None) -> tuple[str, str]:
    return ("", "") if condition is None else (condition.name or "", condition.description or "")
