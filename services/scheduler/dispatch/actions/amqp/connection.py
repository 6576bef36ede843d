"""One AMQP connection: the engine's bytes over asyncio, its events as answers to those who wait."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import cast

from services.scheduler.dispatch.actions.amqp.engine import (
    ACCEPTED,
    REJECTED,
    AmqpEvent,
    Ended,
    Engine,
    Entity,
    LinkEnded,
    Opened,
    Settled,
    Tag,
)
from services.scheduler.dispatch.actions.amqp.verdicts import failure_of
from services.scheduler.dispatch.actions.delivery import UndeliveredError

Waiting = asyncio.Future[None]
_GOODBYE_SECONDS = 2


class _Sent:
    """A message on its way; `heard`: how often the peer had spoken when it was sent."""

    def __init__(self, waiting: Waiting, heard: int) -> None:
        self.waiting = waiting
        self.heard = heard


class AmqpConnection(asyncio.Protocol):
    """Sends messages over one connection, any number at a time; it ends with the socket below it."""

    def __init__(self, engine: Engine, *secrets: str) -> None:
        """`secrets` never stand in what a failure tells."""
        self._engine = engine
        self._secrets = secrets
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._opened: Waiting = self._loop.create_future()
        # Nobody may be waiting for it any more when it fails.
        self._opened.add_done_callback(lambda opened: opened.cancelled() or opened.exception())
        self._lost: Waiting = self._loop.create_future()
        self._sent: dict[tuple[Entity, Tag], _Sent] = {}
        self._tags = map(str, count(1))
        self._heard = 0
        self._failure: UndeliveredError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.used_at = self._loop.time()

    @property
    def is_over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._failure is not None

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for anything."""
        return not self._sent

    async def opened(self) -> None:
        """Wait until the peer has let us in. Raises UndeliveredError when it does not."""
        await self._opened

    async def send(self, entity: Entity, message: bytes, on_sent: Callable[[], None] = lambda: None) -> None:
        """Deliver an encoded message and wait until the peer has accepted it. Raises UndeliveredError.

        In the end `on_sent` is told, unless the message has waited for credit in vain: then it has never left.
        """
        if self._failure is not None:
            raise self._failure
        tag = next(self._tags)
        waiting: Waiting = self._loop.create_future()
        self._sent[entity, tag] = _Sent(waiting, self._heard)
        self.used_at = self._loop.time()
        try:
            self._engine.send(entity, tag, message)
            self._go_on()
            await waiting
        finally:
            if not self._engine.is_waiting(entity, tag):
                on_sent()
            self.used_at = self._loop.time()
            self._engine.forget(entity, tag)
            self._sent.pop((entity, tag), None)

    async def close(self) -> None:
        """Say goodbye and hang up; who still waits hears of it."""
        is_in = self._opened.done() and not self.is_over
        if is_in:
            self._engine.close()
            self._go_on()
        self._end(UndeliveredError("the connection was closed", retryable=True))
        if self._transport is not None:
            await asyncio.wait({self._lost}, timeout=_GOODBYE_SECONDS if is_in else 0)
            self._transport.abort()
            await self._lost

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to speak."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Take what the peer says."""
        self._heard += 1
        self._engine.receive(data)
        self._go_on()

    def eof_received(self) -> bool:
        """Hang up too."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody; where the peer has said nothing since a message went out, most likely nobody read it."""
        if not self._opened.done():
            self._engine.end_input()
            self._look()  # how far it came may say why
        why = f"the connection was lost: {error}" if error else "the connection was closed by the other side"
        for sent in self._sent.values():
            unheard = sent.heard == self._heard and self._opened.done()
            _fail(sent.waiting, UndeliveredError(why, retryable=True, unheard=unheard))
        self._end(UndeliveredError(why, retryable=True))
        self._lost.set_result(None)

    # -- the engine ----------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Act on what has happened, send what is to be sent, and come back when a heartbeat is due."""
        deadline = self._engine.tick(self._loop.time())
        self._look()
        while output := self._engine.output():
            if self._transport is not None and not self._transport.is_closing():
                self._transport.write(output)
            self._look()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._go_on) if deadline and not self.is_over else None

    def _look(self) -> None:
        for event in self._engine.events():
            self._act(event)

    def _act(self, event: AmqpEvent) -> None:
        match event:
            case Opened():
                if not self._opened.done():
                    self._opened.set_result(None)
            case Settled():
                self._settle(event)
            case LinkEnded():
                self._end_link(event)
            case Ended():
                self._end(self._verdict(event))

    def _end_link(self, event: LinkEnded) -> None:
        """Tell those who wait for an entity. Of several over a link that worked, none is known to be at fault."""
        waiting = [sent.waiting for (entity, _), sent in self._sent.items() if entity == event.entity]
        failure = failure_of(event.condition, event.description, *self._secrets)
        if event.was_used and len(waiting) > 1:
            failure = UndeliveredError(str(failure), retryable=True)
        for one in waiting:
            _fail(one, failure)

    def _verdict(self, event: Ended) -> UndeliveredError:
        """Return why it is over. Once we were let in, no message is known to be at fault: each may be tried again."""
        failure = failure_of(event.condition, event.description, *self._secrets)
        return UndeliveredError(str(failure), retryable=True) if self._opened.done() else failure

    def _settle(self, event: Settled) -> None:
        sent = self._sent.get((event.entity, event.tag))
        if sent is None or sent.waiting.done():
            return
        if event.outcome == ACCEPTED:
            sent.waiting.set_result(None)
        elif event.outcome == REJECTED:
            _fail(sent.waiting, failure_of(event.condition, event.description, *self._secrets))
        else:  # released, modified, or settled without a word: nobody has taken it (§3.4)
            _fail(sent.waiting, UndeliveredError("the message was given back", retryable=True))

    def _end(self, failure: UndeliveredError) -> None:
        if self._failure is None:
            self._failure = failure
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        _fail(self._opened, failure)
        for sent in self._sent.values():
            _fail(sent.waiting, failure)
        if self._transport is not None:
            self._transport.close()


def _fail(waiting: Waiting, failure: UndeliveredError) -> None:
    if not waiting.done():
        waiting.set_exception(failure)
