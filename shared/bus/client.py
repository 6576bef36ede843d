"""The bus as services see it: subscribe, keep state, publish, ask and answer, across any number of connections."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import aiomqtt

from shared.bus.connection import BUS_ERRORS, OUTSTANDING_LIMIT, Connection, Dialler, delivery, within
from shared.bus.faults import reason, refusal
from shared.bus.inbox import BACKLOG_LIMIT, Inbox
from shared.bus.outbox import Outbox
from shared.bus.publications import (
    PAYLOAD_LIMIT,
    BusSettings,
    BusSettingsError,
    BusUnavailableError,
    Delivery,
    Handler,
    Publication,
    ReplyTimeoutError,
    checked,
)
from shared.bus.questions import Questions
from shared.bus.readership import Readership
from shared.logs import get_logger
from shared.messages import Refusal
from shared.retry import Backoff

_PUBLISH_SECONDS = 10
# Longer than the longest freeze seen (30 s, DESIGN §2): a frozen broker must not look like a lost one.
_ACKNOWLEDGEMENT_SECONDS = 45
_REPEAT_SECONDS = 1
_STABLE_SECONDS = 5
_REFUSED_SECONDS = 30
_SHORT_LIVES = 3
_INSISTS_SECONDS = 5
_CONTESTED_SECONDS = 30
_JUST_ENDED = "the connection has just ended"
# Mosquitto 2.0.11 hangs up on whoever had the name before, without a word.
_CROWDED = ", as each one soon after its start: does another client have the same name?"
_log = get_logger(__name__)


def _ignore(_: object) -> None:
    """Do nothing: the default listener."""


class Bus:
    """One process's life on the bus; `run` is a task for as long as the process lives.

    State kept here is the truth and the broker only shows it: it is published on every connection, and again when
    somebody else changes or deletes it.
    """

    def __init__(
        self,
        settings: BusSettings,
        *,
        client_id: str,
        reply_topic: str | None = None,
        will: Publication | None = None,
        on_connection: Callable[[bool], None] = _ignore,
        on_refused: Callable[[str], None] = _ignore,
        refused_pause: float = _REFUSED_SECONDS,
        backlog_limit: int = BACKLOG_LIMIT,
    ) -> None:
        """Prepare, without connecting; raises BusSettingsError.

        Replies to our requests come below `reply_topic`, each on a level named for who was asked. `on_connection` hears
        each change; `on_refused` the reason (`Refusal`) of each message that is not taken. After the broker refused us
        the next attempt waits `refused_pause` seconds. When more than `backlog_limit` bytes wait for slow handlers, the
        bus connects anew for a fresh view.
        """
        self._dialler = Dialler(settings, client_id=client_id, will=will)
        self._outbox = Outbox()
        self._readership = Readership()
        self._inbox = Inbox(on_refused, backlog_limit=backlog_limit)
        self._on_refused = on_refused
        self._questions = Questions(reply_topic)
        self._on_connection = on_connection
        self._refused_pause = refused_pause
        self._connection: Connection | None = None
        self._trouble = "not connected yet"
        self._began_at = 0.0
        self._short_lives = 0
        self._denied: dict[str, str] = {}
        self._watched: set[str] = set()
        self._unheard: set[str] = set()
        self._repeated_at: dict[str, float] = {}
        self._repeats: dict[str, asyncio.TimerHandle] = {}
        self._contested: dict[str, float] = {}
        self._limits: set[asyncio.Timeout] = set()
        self._slots = asyncio.Semaphore(OUTSTANDING_LIMIT)
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._settled = asyncio.Event()
        self._leaving = False

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us and our subscriptions."""
        return self._connection is not None

    @property
    def problems(self) -> Mapping[str, str]:
        """What is wrong with the bus, for readiness: `broker`, `publishing` or a topic filter, and why."""
        return {**self._denied, **self._contests()} if self.connected else {"broker": self._trouble}

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have `handler` called for each message that matches, one after the other; only before `run`."""
        self._inbox.subscribe(topic_filter, handler)

    async def run(self) -> None:
        """Connect, and connect again whenever that ends; cancel to stop."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._inbox.run(), name="bus inbox")
            tasks.create_task(self._stay_connected(), name="bus connection")
            try:
                await asyncio.Event().wait()
            finally:
                self._leaving = True

    def keep(self, topic: str, payload: bytes) -> None:
        """Own the retained state of a topic: sent now, on every connection, and when somebody else changes it."""
        known = self._outbox.keeps(topic)
        self._outbox.keep(topic, payload)
        if not known:
            self._unheard.add(topic)
            self._settled.clear()
        self._wake()

    def clear(self, topic: str) -> None:
        """Disown a topic and have the broker forget its retained state."""
        self._outbox.clear(topic)
        self._hear(topic, self._connection)
        self._repeated_at.pop(topic, None)
        self._wake()

    def offer(self, publication: Publication) -> bool:
        """Publish when possible, without waiting; False, and counted as refused, when too much waits already."""
        if not self._outbox.offer(publication):
            self._on_refused(Refusal.OUTBOX_FULL)
            return False
        self._wake()
        return True

    def is_read(self, topic: str) -> bool:
        """Whether a report on this topic is worth making: not when the broker says that nobody subscribes to it."""
        return self._readership.is_worth_trying(topic)

    async def publish(self, publication: Publication) -> None:
        """Publish and wait for the broker's acknowledgement; raises BusUnavailableError."""
        checked(publication)
        limit = asyncio.timeout(_PUBLISH_SECONDS)
        try:
            async with limit, self._slots:
                self._limits.add(limit)
                await self._present_connection().send(publication)
        except BUS_ERRORS as fault:
            raise BusUnavailableError(f"{publication.topic}: {reason(fault)}") from fault
        finally:
            self._limits.discard(limit)

    async def request(self, topic: str, payload: bytes, *, answerer: str, timeout: float) -> bytes:
        """Ask and return the answer; raises BusUnavailableError, or ReplyTimeoutError after `timeout` seconds.

        `answerer` is the last level of the reply's topic. The broker lets nobody else write there, and a reply
        elsewhere is not taken: whoever knows the question cannot answer it in another's place.
        """
        with self._questions.asked(answerer) as question:
            answer_on, correlation = question.answer_on, question.correlation
            asked = Publication(topic=topic, payload=payload, response_topic=answer_on, correlation=correlation)
            try:
                async with asyncio.timeout(timeout):
                    await self.publish(asked)
                    return await question.answer
            except TimeoutError as fault:
                raise ReplyTimeoutError(f"no reply on {topic} within {timeout:g} s") from fault

    async def reply(self, delivery: Delivery, payload: bytes) -> None:
        """Answer a request; nothing to do when it names no response topic. Raises BusUnavailableError."""
        if delivery.response_topic:
            await self.publish(
                Publication(topic=delivery.response_topic, payload=payload, correlation=delivery.correlation)
            )

    async def settled(self, timeout: float) -> bool:
        """Wait until all kept state was heard back on this connection; False when that takes longer.

        That proves our rights, and that the retained state of the subscriptions was handled before. Without kept
        state it only means connected. Not to be awaited in a handler.
        """
        return await within(timeout, self._settled)

    async def flush(self, timeout: float) -> bool:
        """Wait until everything kept, cleared and offered was acknowledged; False when that takes longer."""
        return await within(timeout, self._idle)

    def _present_connection(self) -> Connection:
        if self._connection is None:
            raise BusUnavailableError(f"no connection to the broker at {self._dialler}: {self._trouble}")
        return self._connection

    async def _stay_connected(self) -> None:
        backoff = Backoff(first=0.1, limit=5)
        while True:
            began = asyncio.get_running_loop().time()
            refused = await self._connect_once()
            if asyncio.get_running_loop().time() - began > _STABLE_SECONDS:
                backoff.reset()
            await asyncio.sleep(self._refused_pause if refused else backoff.next())

    async def _connect_once(self) -> bool:
        """Live through one connection; return whether the broker refused us."""
        refused = False
        try:
            async with self._dialler.connect(self._deny_publishing) as connection:
                await self._live(connection)
        except* (*BUS_ERRORS, BusSettingsError) as faults:
            fault = _first(faults)
            why = refusal(fault)
            self._report(fault, why)
            refused = why is not None or isinstance(fault, BusSettingsError)
        if self._leaving:
            # A TaskGroup that fails while it is cancelled raises only the failure. Python 3.11 leaves `cancelling()`
            # raised after every failure, so that cannot tell the two apart.
            raise asyncio.CancelledError
        return refused

    async def _live(self, connection: Connection) -> None:
        async with asyncio.TaskGroup() as tasks:
            # First of all, because it alone notices that the connection has ended.
            tasks.create_task(self._receive(connection), name="bus receiver")
            self._begin(connection, await connection.listen(self._filters()))
            try:
                await self._send(connection)
            finally:
                self._end()

    def _filters(self) -> tuple[str, ...]:
        return (*self._inbox.filters, *self._questions.filters)

    def _begin(self, connection: Connection, denied: Mapping[str, str]) -> None:
        self._connection = connection
        self._began_at = asyncio.get_running_loop().time()
        self._trouble = ""
        self._denied = dict(denied)
        self._watched.clear()
        self._outbox.restart()
        self._readership.forget()
        self._unheard = set(self._outbox.kept)
        if not self._unheard:
            self._settled.set()
        self._wake()
        _log.info("bus connected", broker=str(self._dialler))
        for topic_filter, why in denied.items():
            _log.error("subscription denied", filter=topic_filter, reason=why)
        self._on_connection(True)

    def _end(self) -> None:
        self._connection = None
        self._trouble = _JUST_ENDED
        self._settled.clear()
        for timer in self._repeats.values():
            timer.cancel()
        self._repeats.clear()
        self._repeated_at.clear()
        now = asyncio.get_running_loop().time()
        self._short_lives = self._short_lives + 1 if now - self._began_at <= _STABLE_SECONDS else 0
        # aiomqtt does not tell a waiting publish that its connection is gone.
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(now)
        self._on_connection(False)

    async def _receive(self, connection: Connection) -> None:
        async for message in connection.messages:
            arrived = delivery(message)
            if self._questions.concerns(arrived.topic) and len(arrived.payload) <= PAYLOAD_LIMIT:
                if not self._questions.take(arrived):
                    self._inbox.refuse(arrived, Refusal.UNASKED, "nobody waits for this reply from there")
            elif not self._inbox.put(arrived):
                # A new connection brings the newest state of everything, which is all that matters.
                raise aiomqtt.MqttError("the handlers are too far behind")
            if self._outbox.keeps(arrived.topic) and not arrived.retained:
                self._compare(arrived)

    def _compare(self, arrived: Delivery) -> None:
        topic = arrived.topic
        if self._outbox.hear(topic, arrived.payload):
            self._inbox.then(partial(self._hear, topic, self._connection))
        elif self._outbox.differs(topic, arrived.payload) and topic not in self._repeats:
            _log.warning("own state changed by somebody else", topic=topic)
            loop = asyncio.get_running_loop()
            # Two writers that insist on one topic must not storm the broker.
            due = self._repeated_at.get(topic, -_REPEAT_SECONDS) + _REPEAT_SECONDS
            if topic in self._repeated_at and loop.time() - self._repeated_at[topic] < _INSISTS_SECONDS:
                self._contested[topic] = loop.time()
            self._repeats[topic] = loop.call_at(max(due, loop.time()), self._repeat, topic)

    def _contests(self) -> dict[str, str]:
        """Return our own topics that somebody else goes on writing to."""
        since = asyncio.get_running_loop().time() - _CONTESTED_SECONDS
        self._contested = {topic: at for topic, at in self._contested.items() if at > since}
        return dict.fromkeys(self._contested, "somebody else writes here, too: does another process have this name?")

    def _repeat(self, topic: str) -> None:
        del self._repeats[topic]
        self._repeated_at[topic] = asyncio.get_running_loop().time()
        self._outbox.repeat(topic)
        self._wake()

    def _hear(self, topic: str, connection: Connection | None) -> None:
        if connection is not self._connection:
            return  # it says nothing about the present connection
        self._unheard.discard(topic)
        if self.connected and not self._unheard:
            self._settled.set()

    async def _send(self, connection: Connection) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while batch := self._outbox.take(OUTSTANDING_LIMIT):
                await self._watch(connection, batch)
                async with asyncio.timeout(_ACKNOWLEDGEMENT_SECONDS), asyncio.TaskGroup() as tasks:
                    for publication in batch:
                        tasks.create_task(self._send_one(connection, publication))
                self._outbox.sent()
                await self._unwatch(connection, batch)
            self._idle.set()

    async def _send_one(self, connection: Connection, publication: Publication) -> None:
        is_report = not publication.retain
        if is_report and not self.is_read(publication.topic):
            return  # found out while it waited
        async with self._slots:
            is_read = await connection.send(publication)
        if is_report:
            self._readership.note(publication.topic, is_read=is_read)

    async def _watch(self, connection: Connection, batch: Sequence[Publication]) -> None:
        """Listen to what we are about to keep, before it is sent, so that its echo cannot be missed."""
        topics = [p.topic for p in batch if self._outbox.keeps(p.topic) and p.topic not in self._watched]
        self._watched.update(topics)
        denied = await connection.listen([topic for topic in topics if not self._inbox.covers(topic)])
        self._denied.update(denied)

    async def _unwatch(self, connection: Connection, batch: Sequence[Publication]) -> None:
        topics = [p.topic for p in batch if p.topic in self._watched and not self._outbox.keeps(p.topic)]
        self._watched.difference_update(topics)
        await connection.ignore([topic for topic in topics if not self._inbox.covers(topic)])

    def _wake(self) -> None:
        self._idle.clear()
        self._work.set()

    def _deny_publishing(self, why: str) -> None:
        if "publishing" not in self._denied:
            _log.error("publication denied by the broker", reason=why)
        self._denied["publishing"] = why

    def _report(self, fault: BaseException, refused: str | None) -> None:
        why = refused or reason(fault)
        if self._trouble == _JUST_ENDED and self._short_lives >= _SHORT_LIVES:
            why += _CROWDED
        trouble = f"refused by {self._dialler}: {why}" if refused else f"{self._dialler}: {why}"
        if trouble != self._trouble:
            level = _log.error if refused else _log.warning
            level("bus not connected", broker=str(self._dialler), reason=why)
        self._trouble = trouble


def _first(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    return next(_leaves(faults))


def _leaves(faults: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for fault in faults.exceptions:
        if isinstance(fault, BaseExceptionGroup):
            yield from _leaves(fault)
        else:
            yield fault
