"""A broker with retained state between watchers and scheduler: late, sometimes twice, and forgetful when told to be."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random

from shared.bus import Delivery, Publication, ReplyTimeoutError
from shared.bus.publications import Handler
from shared.messages import MessageRefusedError
from shared.topics import HostKey
from tests.simulation.agenda import Agenda
from tests.simulation.bus import SimulatedBus

LATE, VERY_LATE = 0.5, 4.0
"""Seconds that a message takes at the most: nearly always, and now and then."""
_RARELY = 0.03
_TWICE = 0.05
Work = Callable[[], Awaitable[None]]


class Broker(SimulatedBus):
    """Carries messages in each sender's order. `do` runs what is to be awaited; `ask` reaches a host's watcher."""

    def __init__(self, agenda: Agenda, seed: int, do: Callable[[Work], None]) -> None:
        super().__init__(lambda *_: None)
        self.retained: dict[str, bytes] = {}
        self.ask: Callable[[HostKey, Delivery], Awaitable[bytes | None]] = _nobody
        self.heard: Callable[[Delivery], None] = lambda _: None
        self.refused: Counter[str] = Counter()
        self._agenda = agenda
        self._random = Random(f"broker {seed}")
        self._do = do
        self._handlers: dict[str, Handler] = {}
        self._free_at: dict[str, datetime] = {}

    # -- the scheduler's side ----------------------------------------------------------------------------------------

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Hear a leaf of all hosts; a scheduler that starts again takes the place of the one before."""
        self._handlers[topic_filter.partition("/hosts/+/")[2].partition("/")[0]] = handler

    def keep(self, topic: str, payload: bytes) -> None:
        """Take the scheduler's retained state."""
        self.retained[topic] = payload

    def clear(self, topic: str) -> None:
        """Forget retained state."""
        self.retained.pop(topic, None)

    async def request(self, topic: str, payload: bytes, *, answerer: str, timeout: float) -> bytes:
        """Ask a watcher. Raises ReplyTimeoutError when it is not there."""
        command = Delivery(topic=topic, payload=payload, retained=False)
        answer = await self.ask(HostKey(answerer), command)
        if answer is None:
            raise ReplyTimeoutError(f"{answerer} does not answer within {timeout:g} s")
        return answer

    async def deliver_retained(self) -> None:
        """Give the scheduler all that is kept, as to one that has just subscribed."""
        for topic, payload in sorted(self.retained.items()):
            await self._deliver(Delivery(topic=topic, payload=payload, retained=True))

    # -- everybody else's --------------------------------------------------------------------------------------------

    def publish(self, sender: str, publication: Publication) -> None:
        """Carry a message to the scheduler, behind all others of its sender."""
        topic, payload = publication.topic, publication.payload
        if publication.retain and payload:
            self.retained[topic] = payload
        elif publication.retain:
            self.retained.pop(topic, None)
        limit = VERY_LATE if self._random.random() < _RARELY else LATE
        wait = timedelta(milliseconds=self._random.randrange(5, round(limit * 1000)))
        at = max(self._agenda.now() + wait, self._free_at.get(sender, self._agenda.now()))
        self._free_at[sender] = at
        delivery = Delivery(topic=topic, payload=payload, retained=False)
        for _ in range(2 if self._random.random() < _TWICE else 1):
            self._agenda.at(at, lambda: self._do(lambda: self._deliver(delivery)))

    def forget(self) -> None:
        """Lose all that was retained, as a broker whose file is gone."""
        self.retained.clear()

    async def _deliver(self, delivery: Delivery) -> None:
        handler = self._handlers.get(_leaf(delivery.topic))
        if handler is None:
            return
        self.heard(delivery)
        try:
            await handler(delivery)
        except MessageRefusedError as fault:
            self.refused[fault.reason] += 1


def _leaf(topic: str) -> str:
    return topic.partition("/hosts/")[2].partition("/")[2].partition("/")[0]


async def _nobody(_host: HostKey, _delivery: Delivery) -> bytes | None:
    return None
